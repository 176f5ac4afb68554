/** What the files hold that TLS of listeners names. It is read with a configuration, and again whenever one of the files changes. */
import { dayOf, outOfDate } from "../../certificates/pair-findings.ts";
import type { ServedPair } from "../../certificates/served-pair.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { ClientCertificatesConfig } from "../../config/schema/tls/client-certificates-schema.ts";
import type { CertificateConfig, ListenerTlsConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { CertificateFileCounts } from "../../observe/certificate-reading.ts";
import type { TicketKey } from "../../shared/listener-tls.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Followed, Reading } from "../named-files/followed-files.ts";
import { asReading, readOcsp, readPair, readTicketKeys, readTrust } from "./read-material.ts";
import type { ClientTrust, OcspFile } from "./read-material.ts";

export interface TlsMaterialOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Called when a file has changed and its new version is in use. */
  readonly changed: () => void;
}

export class TlsMaterial {
  private readonly options: TlsMaterialOptions;
  private readonly pairs: FollowedFiles<ServedPair>;
  private readonly responses: FollowedFiles<OcspFile>;
  private readonly trusts: FollowedFiles<ClientTrust>;
  private readonly keys: FollowedFiles<readonly TicketKey[]>;
  private readonly counted: { read: number; refused: number } = { read: 0, refused: 0 };

  constructor(options: TlsMaterialOptions) {
    this.options = options;
    this.pairs = this.following(pairInWords);
    this.responses = this.following();
    this.trusts = this.following();
    this.keys = this.following();
  }

  /** Reads what listeners need that may come into use, those files too that are in use and have changed. Returns what is wrong, one line each. */
  read(listeners: readonly ListenerTlsConfig[]): readonly string[] {
    const { pairs, responses, trusts, keys } = needsOf(listeners, this.options.epochMs);
    return [
      ...this.pairs.read(pairs).problems,
      ...this.responses.read(responses).problems,
      ...this.trusts.read(trusts).problems,
      ...this.keys.read(keys).problems,
    ];
  }

  /** What the listeners need that are in use now: the rest is forgotten. */
  keep(listeners: readonly ListenerTlsConfig[]): void {
    const { pairs, responses, trusts, keys } = needsOf(listeners, this.options.epochMs);
    this.pairs.keep(new Set(pairs.keys()));
    this.responses.keep(new Set(responses.keys()));
    this.trusts.keep(new Set(trusts.keys()));
    this.keys.keep(new Set(keys.keys()));
  }

  pair(entry: CertificateConfig): ServedPair | undefined {
    return this.pairs.valueOf(pairKey(entry));
  }

  allPairs(): readonly ServedPair[] {
    return this.pairs.values();
  }

  response({ ocsp_file: file }: CertificateConfig): OcspFile | undefined {
    return file === undefined ? undefined : this.responses.valueOf(file);
  }

  trust(rule: ClientCertificatesConfig): ClientTrust | undefined {
    return this.trusts.valueOf(trustKey(rule));
  }

  ticketKeys(file: string): readonly TicketKey[] {
    return this.keys.valueOf(file) ?? [];
  }

  /** How often files have changed since the start. */
  get counts(): CertificateFileCounts {
    return this.counted;
  }

  stop(): void {
    for (const files of [this.pairs, this.responses, this.trusts, this.keys]) files.stop();
  }

  /** @param inWords what the log adds of a new version */
  private following<T>(inWords: (value: T) => string = () => ""): FollowedFiles<T> {
    const { log, after, changed } = this.options;
    return new FollowedFiles<T>({
      after,
      changed: (key, value) => {
        this.counted.read++;
        changed();
        log.info("certificate_file_read", `${fileIn(key)} changed: new connections use the new version${inWords(value)}`, {
          file: fileIn(key),
        });
      },
      refused: (key, problems) => {
        this.counted.refused++;
        log.error("certificate_file_refused", `the old version stays in use: ${problems.join("; ")}`, { file: fileIn(key) });
      },
    });
  }
}

/** What is to be read, each by a key that differs where the result may. */
interface Needs {
  readonly pairs: ReadonlyMap<string, Followed<ServedPair>>;
  readonly responses: ReadonlyMap<string, Followed<OcspFile>>;
  readonly trusts: ReadonlyMap<string, Followed<ClientTrust>>;
  readonly keys: ReadonlyMap<string, Followed<readonly TicketKey[]>>;
}

function needsOf(listeners: readonly ListenerTlsConfig[], nowMs: () => number): Needs {
  const pairs = new Map<string, Followed<ServedPair>>();
  const responses = new Map<string, Followed<OcspFile>>();
  const trusts = new Map<string, Followed<ClientTrust>>();
  const keys = new Map<string, Followed<readonly TicketKey[]>>();
  for (const tls of listeners) {
    for (const entry of tls.certificates) {
      const { cert_file: file, key_file: keyFile = file, ocsp_file: ocspFile } = entry;
      const read = (isChange: boolean): Reading<ServedPair> => readAgain(entry, isChange ? nowMs : null);
      pairs.set(pairKey(entry), { files: [...new Set([file, keyFile])], read });
      if (ocspFile !== undefined) responses.set(ocspFile, { files: [ocspFile], read: () => asReading(readOcsp(ocspFile)) });
    }
    for (const rule of rulesIn(tls)) {
      const files = rule.crl_file === undefined ? [rule.ca_file] : [rule.ca_file, rule.crl_file];
      trusts.set(trustKey(rule), { files, read: () => asReading(readTrust(rule)) });
    }
    const keyFile = tls.tickets === false ? undefined : tls.tickets.key_file;
    if (keyFile !== undefined) keys.set(keyFile, { files: [keyFile], read: () => asReading(readTicketKeys(keyFile)) });
  }
  return { pairs, responses, trusts, keys };
}

/** @param nowMs null: the certificate is read with a configuration, and counts as it is */
function readAgain(entry: CertificateConfig, nowMs: (() => number) | null): Reading<ServedPair> {
  const read = asReading(readPair(entry));
  if (nowMs === null || !("value" in read)) return read;
  const unfit = outOfDate(read.value, nowMs());
  return unfit === null ? read : { problems: [`${shownFile(entry.cert_file)} ${unfit}`] };
}

/** Names that the log shows of a certificate. */
const NAMES_SHOWN = 3;

/** Such as `, for a.test until 2027-01-31`. */
function pairInWords({ names, certificates: [leaf] }: ServedPair): string {
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  const until = leaf === undefined ? "" : ` until ${dayOf(leaf.validToDate.getTime())}`;
  return `, for ${names.length === 0 ? "no name" : names.slice(0, NAMES_SHOWN).join(", ")}${more}${until}`;
}

/** All that is asked of clients of a listener. */
function rulesIn({ client_certificates: all, certificates }: ListenerTlsConfig): readonly ClientCertificatesConfig[] {
  return [all, ...certificates.map((entry) => entry.client_certificates)].filter((rule) => rule !== undefined && rule !== false);
}

/** Paths hold no NUL. The passphrase is a part of the key, and only the path before it is ever shown. */
function pairKey({ cert_file: file, key_file: keyFile = file, key_passphrase: passphrase = "" }: CertificateConfig): string {
  return [file, keyFile, passphrase].join("\0");
}

function trustKey({ ca_file: caFile, crl_file: crlFile = "" }: ClientCertificatesConfig): string {
  return [caFile, crlFile].join("\0");
}

/** The first of the files that a key names. */
function fileIn(key: string): string {
  return key.split("\0", 1)[0] ?? "";
}
