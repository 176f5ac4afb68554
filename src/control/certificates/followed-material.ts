/**
 * What files of TLS hold: read and checked with a configuration, and again whenever one of them changes. A version that cannot be used changes nothing: the
 * one before stays in use, and the log says why. Listeners, upstreams, the admin address and ACME have one of these each.
 */
import { dayOf, outOfDate } from "../../certificates/pair-findings.ts";
import type { ServedPair } from "../../certificates/served-pair.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { TicketKey } from "../../shared/listener-tls.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Followed, Reading } from "../named-files/followed-files.ts";
import type { CertificateWatch } from "./certificate-watch.ts";
import { shownNames } from "./certificate-watch.ts";
import { readOcsp, readPair, readTicketKeys, readTrust } from "./read-material.ts";
import type { CertificateFiles, OcspFile, ReadMaterial, Trust, TrustFiles } from "./read-material.ts";

export interface FollowedMaterialOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Counts what changes. */
  readonly watch: Pick<CertificateWatch, "fileRead" | "fileRefused">;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Called when a file has changed and its new version is in use. */
  readonly changed: () => void;
  /** Who refuses a certificate that has expired. Default: clients. */
  readonly judges?: "clients" | "endpoints";
}

/** The files that a configuration names. */
export interface MaterialNeeds {
  readonly pairs?: readonly CertificateFiles[];
  readonly trusts?: readonly TrustFiles[];
  /** OCSP responses. */
  readonly responses?: readonly string[];
  readonly ticketKeys?: readonly string[];
}

type Material =
  | { readonly pair: ServedPair }
  | { readonly trust: Trust }
  | { readonly response: OcspFile }
  | { readonly ticketKeys: readonly TicketKey[] };

export class FollowedMaterial {
  private readonly options: FollowedMaterialOptions;
  private readonly files: FollowedFiles<Material>;

  constructor(options: FollowedMaterialOptions) {
    this.options = options;
    const { log, watch, after, changed } = options;
    this.files = new FollowedFiles<Material>({
      after,
      changed: (key, material) => {
        const file = fileIn(key);
        watch.fileRead();
        changed();
        log.info("certificate_file_read", `${file} changed: new connections use the new version${inWords(material)}`, { file });
      },
      refused: (key, problems) => {
        watch.fileRefused();
        log.error("certificate_file_refused", `the old version stays in use: ${problems.join("; ")}`, { file: fileIn(key) });
      },
    });
  }

  /**
   * Reads what a configuration needs that may come into use, and what is in use and has changed. Returns what is wrong, one line each: then nothing has
   * changed. Else `fresh` says whether anything is new.
   */
  read(needs: MaterialNeeds): { readonly problems: readonly string[]; readonly fresh: boolean } {
    return this.files.read(this.followed(needs));
  }

  /** What the configuration that is in use now needs: the rest is forgotten. */
  keep(needs: MaterialNeeds): void {
    this.files.keep(new Set(this.followed(needs).keys()));
  }

  pair(files: CertificateFiles): ServedPair | undefined {
    const found = this.files.valueOf(pairKey(files));
    return found !== undefined && "pair" in found ? found.pair : undefined;
  }

  trust(files: TrustFiles): Trust | undefined {
    const found = this.files.valueOf(trustKey(files));
    return found !== undefined && "trust" in found ? found.trust : undefined;
  }

  response(file: string): OcspFile | undefined {
    const found = this.files.valueOf(responseKey(file));
    return found !== undefined && "response" in found ? found.response : undefined;
  }

  ticketKeys(file: string): readonly TicketKey[] {
    const found = this.files.valueOf(ticketsKey(file));
    return found !== undefined && "ticketKeys" in found ? found.ticketKeys : [];
  }

  stop(): void {
    this.files.stop();
  }

  /** Each thing that is to be read by a key that differs where the result may. */
  private followed({ pairs = [], trusts = [], responses = [], ticketKeys = [] }: MaterialNeeds): ReadonlyMap<string, Followed<Material>> {
    const all = new Map<string, Followed<Material>>();
    for (const each of pairs) {
      const files = [...new Set([each.cert_file, each.key_file ?? each.cert_file])];
      all.set(pairKey(each), { files, read: (isChange) => this.readPair(each, isChange) });
    }
    for (const each of trusts) {
      const files = [each.ca_file, each.crl_file].filter((file) => file !== undefined);
      all.set(trustKey(each), { files, read: () => reading(readTrust(each), (trust) => ({ trust })) });
    }
    for (const file of responses) {
      all.set(responseKey(file), { files: [file], read: () => reading(readOcsp(file), (response) => ({ response })) });
    }
    for (const file of ticketKeys) {
      all.set(ticketsKey(file), { files: [file], read: () => reading(readTicketKeys(file), (keys) => ({ ticketKeys: keys })) });
    }
    return all;
  }

  /** A certificate that is out of date is good enough for a start, and not to take the place of one that is in use. */
  private readPair(files: CertificateFiles, isChange: boolean): Reading<Material> {
    const read = readPair(files);
    const { epochMs, judges } = this.options;
    const unfit = isChange && "value" in read ? outOfDate(read.value, epochMs(), judges) : null;
    return unfit === null ? reading(read, (pair) => ({ pair })) : { problems: [`${shownFile(files.cert_file)} ${unfit}`] };
  }
}

function reading<T>(read: ReadMaterial<T>, materialOf: (value: T) => Material): Reading<Material> {
  if ("value" in read) return { value: materialOf(read.value) };
  return { problems: [read.problem], mayBeHalf: read.mayBeHalf === true };
}

/** What the log adds of a new version, such as `, for a.test until 2027-01-31`. */
function inWords(material: Material): string {
  if (!("pair" in material)) return "";
  const { names, certificates } = material.pair;
  const [leaf] = certificates;
  const whom = names.length === 0 ? "" : `, for ${shownNames(names)}`;
  return leaf === undefined ? whom : `${whom} until ${dayOf(leaf.validToDate.getTime())}`;
}

// Paths hold no NUL. The passphrase is a part of the key, and only the first path is ever shown.

function pairKey({ cert_file: file, key_file: keyFile = file, key_passphrase: passphrase = "" }: CertificateFiles): string {
  return [file, keyFile, passphrase, "pair"].join("\0");
}

function trustKey({ ca_file: caFile, crl_file: crlFile }: TrustFiles): string {
  return [caFile ?? "", crlFile ?? "", "trust"].join("\0");
}

function responseKey(file: string): string {
  return [file, "response"].join("\0");
}

function ticketsKey(file: string): string {
  return [file, "tickets"].join("\0");
}

function fileIn(key: string): string {
  return key.split("\0").find((part) => part !== "") ?? "";
}
