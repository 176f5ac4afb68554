/** What is ordered: the certificates of a configuration, each by what tells it from others. */
import { createHash } from "node:crypto";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";

/** One certificate of an authority. Two listeners with the same entry share it. */
export interface WantedCertificate {
  /** Name of its files: the first of its names, and a digest of all that tells it from others. */
  readonly id: string;
  readonly names: readonly string[];
  readonly acme: AcmeConfig;
}

export function wantedCertificate(names: readonly string[], acme: AcmeConfig): WantedCertificate {
  const own = [...new Set(names)];
  const { directory, key, profile = null } = acme;
  const digest = digestOf([directory, key, profile, ...own.toSorted()]);
  const first = (own[0] ?? "").replace("*", "_");
  return { id: `${first.slice(0, 100)}-${digest}`, names: own, acme };
}

/** The certificates of `domains`, one for each entry. */
export function wantedBy(acme: AcmeConfig): readonly WantedCertificate[] {
  return acme.domains.map((entry) => wantedCertificate(typeof entry === "string" ? [entry] : entry, acme));
}

/** Name of the account's file: accounts are one authority's, whoever trusts it by which file. */
export function accountId({ directory, eab }: Pick<AcmeConfig, "directory" | "eab">): string {
  const host = URL.parse(directory)?.hostname ?? "";
  return `${host.replaceAll(/[^a-z0-9.-]/g, "_")}-${digestOf([directory, eab?.key_id ?? null])}`;
}

function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
}
