/** The directory of a certificate authority (RFC 8555 section 7.1.1): where its services are, and what it offers. */
import { property } from "./acme-error.ts";
import { textOf } from "./answer.ts";
import { admittedUrl } from "./authority-urls.ts";

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  /** Where to ask when a certificate is to be renewed (RFC 9773); null: the authority does not say. */
  readonly renewalInfo: string | null;
  /** Where the terms of service stand; null: nowhere. */
  readonly termsOfService: string | null;
  readonly externalAccountRequired: boolean;
  /** Names of the profiles that certificates can have (draft-aaron-acme-profiles); null: the authority knows no profiles. */
  readonly profiles: readonly string[] | null;
}

/** @param url the directory's own URL */
export function readDirectory(document: unknown, url: string): Directory {
  const meta = property(document, "meta");
  const profiles = property(meta, "profiles");
  const terms = property(meta, "termsOfService");
  const service = (key: string): string => admittedUrl(textOf(document, key), url, key);
  return {
    newNonce: service("newNonce"),
    newAccount: service("newAccount"),
    newOrder: service("newOrder"),
    renewalInfo: property(document, "renewalInfo") === undefined ? null : service("renewalInfo"),
    termsOfService: typeof terms === "string" ? terms : null,
    externalAccountRequired: property(meta, "externalAccountRequired") === true,
    profiles: typeof profiles === "object" && profiles !== null && !Array.isArray(profiles) ? Object.keys(profiles).slice(0, 50) : null,
  };
}
