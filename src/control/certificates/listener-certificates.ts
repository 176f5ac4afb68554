/**
 * What listeners need for TLS: read from the files that the configuration names, at the start and at each reload, and again whenever one of the files
 * changes. Threads get all of it anew each time; what has not changed is the same object here, and equal there.
 */
import type { ServedPair } from "../../certificates/served-pair.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { ClientCertificatesConfig } from "../../config/schema/tls/client-certificates-schema.ts";
import type { CertificateConfig, ListenerTlsConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ClientCertificateRule, ListenerTls, ServedCertificate, TicketKey, TlsOfListeners } from "../../shared/listener-tls.ts";
import type { CertificateSource, TlsListener, TlsListeners } from "./certificate-source.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Followed, Reading } from "../named-files/followed-files.ts";
import { readOcsp, readPair, readTicketKeys, readTrust } from "./read-material.ts";
import type { ClientTrust, ReadMaterial } from "./read-material.ts";
import { TicketRings } from "./ticket-rings.ts";

export interface ListenerCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Where further certificates come from. */
  readonly sources: readonly CertificateSource[];
  /** Sends what all listeners need to all threads. */
  readonly tell: (listeners: TlsOfListeners) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

type Settings = Config["listeners"][number];

export class ListenerCertificates {
  private readonly options: ListenerCertificatesOptions;
  private readonly pairs: FollowedFiles<ServedPair>;
  private readonly responses: FollowedFiles<Uint8Array>;
  private readonly trusts: FollowedFiles<ClientTrust>;
  private readonly ticketKeys: FollowedFiles<readonly TicketKey[]>;
  private readonly rings: TicketRings;
  /** Those of the configuration that is in use. */
  private listeners: TlsListeners = new Map();
  /** Those that threads were told of last: during a reload those of the new configuration too. */
  private told: TlsListeners = new Map();

  constructor(options: ListenerCertificatesOptions) {
    this.options = options;
    const { now, after } = options;
    this.pairs = this.following();
    this.responses = this.following();
    this.trusts = this.following();
    this.ticketKeys = this.following();
    this.rings = new TicketRings({ now, after, renewed: () => this.tell() });
  }

  /**
   * Reads what a configuration needs that may come into use, and tells it to all threads. Listeners that it no longer has keep what they have. Resolves with
   * what is wrong, one line each: then nothing has changed.
   */
  async prepare(listeners: readonly Settings[], slots: readonly number[]): Promise<readonly string[]> {
    const wanted = bySlot(listeners, slots);
    const needs = needsOf(wanted);
    const problems = [
      ...this.pairs.read(needs.pairs).problems,
      ...this.responses.read(needs.responses).problems,
      ...this.trusts.read(needs.trusts).problems,
      ...this.ticketKeys.read(needs.ticketKeys).problems,
    ];
    for (const source of this.options.sources) if (problems.length === 0) problems.push(...(await source.prepare(wanted)));
    const all = new Map([...this.listeners, ...wanted]);
    if (problems.length === 0 && all.size > 0) this.tell(all);
    return problems;
  }

  /** The listeners of the configuration that is in use now. What others needed is forgotten. */
  keep(listeners: readonly Settings[], slots: readonly number[]): void {
    this.listeners = bySlot(listeners, slots);
    const needs = needsOf(this.listeners);
    this.pairs.keep(new Set(needs.pairs.keys()));
    this.responses.keep(new Set(needs.responses.keys()));
    this.trusts.keep(new Set(needs.trusts.keys()));
    this.ticketKeys.keep(new Set(needs.ticketKeys.keys()));
    for (const source of this.options.sources) source.keep(this.listeners);
    if (this.listeners.size > 0 || this.told.size > 0) this.tell(this.listeners);
    this.rings.keep(new Set([...this.listeners].flatMap(([slot, { tls }]) => (makesTicketKeys(tls) ? [slot] : []))));
  }

  /** A source has other certificates than before. */
  changed(): void {
    if (this.told.size > 0) this.tell();
  }

  /**
   * A client has named a name that no certificate of the listener in `slot` has. Resolves with true when there is one now, and threads were told of it; with
   * false when there will be none.
   */
  async wanted(slot: number, name: string): Promise<boolean> {
    const listener = this.told.get(slot);
    const source = listener === undefined ? undefined : this.options.sources.find((each) => each.isOnDemand(listener));
    return listener !== undefined && source !== undefined && source.wanted(listener, name);
  }

  /** What all listeners need, for a thread that starts. */
  current(): TlsOfListeners {
    return this.of(this.told);
  }

  stop(): void {
    for (const files of [this.pairs, this.responses, this.trusts, this.ticketKeys]) files.stop();
    this.rings.stop();
    for (const source of this.options.sources) source.stop();
  }

  private following<T>(): FollowedFiles<T> {
    const { log, after } = this.options;
    return new FollowedFiles<T>({
      after,
      changed: (key) => {
        this.tell();
        log.info("certificate_file_read", `${filesIn(key)} changed: new connections use the new version`, { file: filesIn(key) });
      },
      refused: (key, problems) => {
        log.error("certificate_file_refused", `the old version stays in use: ${problems.join("; ")}`, { file: filesIn(key) });
      },
    });
  }

  private tell(listeners: TlsListeners = this.told): void {
    this.told = listeners;
    this.options.tell(this.of(listeners));
  }

  private of(listeners: TlsListeners): TlsOfListeners {
    return [...listeners].map(([slot, listener]) => [slot, this.tlsOf(slot, listener)]);
  }

  private tlsOf(slot: number, listener: TlsListener): ListenerTls {
    const { tls, timeouts, limits } = listener;
    const { sources } = this.options;
    const own = tls.certificates.flatMap((entry) => this.certificateOf(entry, tls) ?? []);
    const clients = this.ruleOf(tls.client_certificates ?? null);
    const further = sources.flatMap((source) =>
      source.of(slot, listener).map((each) => ({ ...each, clients: each.isChallenge ? null : clients })),
    );
    return {
      certificates: [...own, ...further],
      strictSni: tls.strict_sni,
      onDemand: sources.some((source) => source.isOnDemand(listener)),
      minVersion: tls.min_version === "1.3" ? "TLSv1.3" : "TLSv1.2",
      ciphers: tls.ciphers,
      curves: tls.curves,
      plainHttp: tls.plain_http,
      ticketKeys: this.ticketKeysOf(slot, tls),
      handshakeMs: timeouts.handshake,
      handshakesMax: limits.handshakes,
    };
  }

  private certificateOf(entry: CertificateConfig, tls: ListenerTlsConfig): ServedCertificate | null {
    const pair = this.pairs.valueOf(pairKey(entry));
    if (pair === undefined) return null;
    const { names, chain, key, keyKind } = pair;
    const ocsp = entry.ocsp_file === undefined ? null : (this.responses.valueOf(entry.ocsp_file) ?? null);
    return { names, chain, key, keyKind, ocsp, clients: this.ruleOf(rulesFor(entry, tls)), isChallenge: false };
  }

  private ruleOf(rule: ClientCertificatesConfig | null): ClientCertificateRule | null {
    if (rule === null) return null;
    const trust = this.trusts.valueOf(trustKey(rule));
    // Without it every certificate would be trusted, or none asked for.
    if (trust === undefined) throw new Error("what verifies clients was not read");
    return { mode: rule.mode, ...trust, verifyDepth: rule.verify_depth, forward: rule.forward ?? null };
  }

  private ticketKeysOf(slot: number, { tickets }: ListenerTlsConfig): readonly TicketKey[] {
    if (tickets === false) return [];
    if (tickets.key_file === undefined) return this.rings.keysOf(slot, tickets.rotate);
    return this.ticketKeys.valueOf(tickets.key_file) ?? [];
  }
}

function bySlot(listeners: readonly Settings[], slots: readonly number[]): TlsListeners {
  return new Map(
    listeners.flatMap((listener, position) => {
      const [slot, { tls }] = [slots[position], listener];
      return slot === undefined || tls === undefined ? [] : [[slot, { ...listener, tls }] as const];
    }),
  );
}

/** What is to be read, each by a key that differs where the result may. */
function needsOf(listeners: TlsListeners): {
  readonly pairs: ReadonlyMap<string, Followed<ServedPair>>;
  readonly responses: ReadonlyMap<string, Followed<Uint8Array>>;
  readonly trusts: ReadonlyMap<string, Followed<ClientTrust>>;
  readonly ticketKeys: ReadonlyMap<string, Followed<readonly TicketKey[]>>;
} {
  const pairs = new Map<string, Followed<ServedPair>>();
  const responses = new Map<string, Followed<Uint8Array>>();
  const trusts = new Map<string, Followed<ClientTrust>>();
  const ticketKeys = new Map<string, Followed<readonly TicketKey[]>>();
  for (const { tls } of listeners.values()) {
    for (const entry of tls.certificates) {
      const { cert_file: file, key_file: keyFile = file, ocsp_file: ocspFile } = entry;
      pairs.set(pairKey(entry), { files: [...new Set([file, keyFile])], read: () => asReading(readPair(entry)) });
      if (ocspFile !== undefined) responses.set(ocspFile, { files: [ocspFile], read: () => asReading(readOcsp(ocspFile)) });
    }
    for (const rule of rulesIn(tls)) {
      const files = rule.crl_file === undefined ? [rule.ca_file] : [rule.ca_file, rule.crl_file];
      trusts.set(trustKey(rule), { files, read: () => asReading(readTrust(rule)) });
    }
    const keyFile = tls.tickets === false ? undefined : tls.tickets.key_file;
    if (keyFile !== undefined) ticketKeys.set(keyFile, { files: [keyFile], read: () => asReading(readTicketKeys(keyFile)) });
  }
  return { pairs, responses, trusts, ticketKeys };
}

function asReading<T>(read: ReadMaterial<T>): Reading<T> {
  if ("value" in read) return read;
  return { problems: [read.problem], mayBeHalf: read.mayBeHalf === true };
}

/** What is asked of clients under the names of a certificate. */
function rulesFor(
  { client_certificates: own }: CertificateConfig,
  { client_certificates: all }: ListenerTlsConfig,
): ClientCertificatesConfig | null {
  return own === false ? null : (own ?? all ?? null);
}

/** All that is asked of clients of a listener. */
function rulesIn({ client_certificates: all, certificates }: ListenerTlsConfig): readonly ClientCertificatesConfig[] {
  return [all, ...certificates.map((entry) => entry.client_certificates)].filter((rule) => rule !== undefined && rule !== false);
}

function makesTicketKeys({ tickets }: ListenerTlsConfig): boolean {
  return tickets !== false && tickets.key_file === undefined;
}

/** Paths hold no NUL. The passphrase is a part of the key, and only the paths before it are ever shown. */
function pairKey({ cert_file: file, key_file: keyFile = file, key_passphrase: passphrase = "" }: CertificateConfig): string {
  return [file, keyFile, "", passphrase].join("\0");
}

function trustKey({ ca_file: caFile, crl_file: crlFile = "" }: ClientCertificatesConfig): string {
  return [caFile, crlFile].join("\0");
}

/** The first of the files that a key names. */
function filesIn(key: string): string {
  return key.split("\0", 1)[0] ?? "";
}
