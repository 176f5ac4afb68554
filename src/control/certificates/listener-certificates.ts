/**
 * What listeners need for TLS: from the files that the configuration names and from other sources of certificates, made ready before a configuration
 * comes into use, and anew whenever something changes.
 */
import { ocspFault } from "../../certificates/ocsp-response.ts";
import type { ServedPair } from "../../certificates/served-pair.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { ClientCertificatesConfig } from "../../config/schema/tls/client-certificates-schema.ts";
import type { CertificateConfig, ListenerTlsConfig } from "../../config/schema/tls/listener-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ClientCertificateRule, ListenerTls, ServedCertificate, TicketKey, TlsOfListeners } from "../../shared/listener-tls.ts";
import type { CertificateSource, TlsListener, TlsListeners } from "./certificate-source.ts";
import type { CertificateWatch, UsedCertificate } from "./certificate-watch.ts";
import { FollowedMaterial } from "./followed-material.ts";
import type { MaterialNeeds } from "./followed-material.ts";
import { TicketRings } from "./ticket-rings.ts";

export interface ListenerCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  readonly watch: Pick<CertificateWatch, "use" | "fileRead" | "fileRefused">;
  /** Where further certificates come from. */
  readonly sources: readonly CertificateSource[];
  /** Sends what all listeners need to all threads. */
  readonly tell: (listeners: TlsOfListeners) => void;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

type Settings = Config["listeners"][number];

export class ListenerCertificates {
  private readonly options: ListenerCertificatesOptions;
  private readonly material: FollowedMaterial;
  private readonly rings: TicketRings;
  /** Those of the configuration that is in use. */
  private listeners: TlsListeners = new Map();
  /** Those that threads were told of last: during a reload those of the new configuration too. */
  private told: TlsListeners = new Map();
  /** When the first of the OCSP responses that are sent along ends, in epoch milliseconds. */
  private ocspEndsMs: number = Infinity;

  constructor(options: ListenerCertificatesOptions) {
    this.options = options;
    const { log, watch, epochMs, now, after } = options;
    this.material = new FollowedMaterial({ log, watch, epochMs, after, changed: () => this.tell() });
    this.rings = new TicketRings({ now, after, renewed: () => this.tell() });
  }

  /**
   * Makes ready what a configuration needs that may come into use, and tells it to all threads. Listeners that it no longer has keep what they have.
   * Resolves with what is wrong, one line each: then nothing has changed.
   */
  async prepare(listeners: readonly Settings[], slots: readonly number[]): Promise<readonly string[]> {
    const wanted = bySlot(listeners, slots);
    const problems = [...this.material.read(needsOf(wanted)).problems];
    for (const source of this.options.sources) if (problems.length === 0) problems.push(...(await source.prepare(wanted)));
    const all = new Map([...this.listeners, ...wanted]);
    if (problems.length === 0 && all.size > 0) this.tell(all);
    return problems;
  }

  /** The listeners of the configuration that is in use now. What others needed is forgotten. */
  keep(listeners: readonly Settings[], slots: readonly number[]): void {
    this.listeners = bySlot(listeners, slots);
    this.material.keep(needsOf(this.listeners));
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

  /** To be called once a minute: OCSP responses that have ended are sent no more, for clients take them for an attack. */
  dropOldResponses(): void {
    if (this.options.epochMs() >= this.ocspEndsMs) this.tell();
  }

  /** Resolves when nothing is left of what sources had begun. */
  async stop(): Promise<void> {
    this.material.stop();
    this.rings.stop();
    await Promise.all(this.options.sources.map(async (source) => source.stop()));
  }

  private tell(listeners: TlsListeners = this.told): void {
    this.told = listeners;
    this.ocspEndsMs = Infinity;
    const all = this.of(listeners);
    this.options.watch.use(
      "listener",
      all.flatMap(([slot, tls]) => usedOf(listeners.get(slot), tls)),
    );
    this.options.tell(all);
  }

  private of(listeners: TlsListeners): TlsOfListeners {
    return [...listeners].map(([slot, listener]) => [slot, this.tlsOf(slot, listener)]);
  }

  private tlsOf(slot: number, listener: TlsListener): ListenerTls {
    const { tls, timeouts, limits } = listener;
    return {
      certificates: [...tls.certificates.map((entry) => this.certificateOf(entry, tls)), ...this.sourced(slot, listener)],
      strictSni: tls.strict_sni,
      onDemand: this.options.sources.some((source) => source.isOnDemand(listener)),
      minVersion: tls.min_version === "1.3" ? "TLSv1.3" : "TLSv1.2",
      ciphers: tls.ciphers,
      curves: tls.curves,
      plainHttp: tls.plain_http,
      ticketKeys: this.ticketKeysOf(slot, tls),
      handshakeMs: timeouts.handshake,
      handshakesMax: limits.handshakes,
    };
  }

  private sourced(slot: number, listener: TlsListener): readonly ServedCertificate[] {
    const clients = this.ruleOf(listener.tls.client_certificates ?? null);
    return this.options.sources.flatMap((source) =>
      source.of(slot, listener).map((each) => ({ ...each, clients: each.isChallenge ? null : clients })),
    );
  }

  private certificateOf(entry: CertificateConfig, tls: ListenerTlsConfig): ServedCertificate {
    const pair = this.material.pair(entry);
    if (pair === undefined) throw new Error("a certificate of a listener was not read");
    const { names, chain, key, keyKind } = pair;
    const clients = this.ruleOf(ruleFor(entry, tls));
    return { names, chain, key, keyKind, ocsp: this.ocspFor(entry, pair), clients, isChallenge: false };
  }

  /** The response, while it says something that clients accept. */
  private ocspFor(entry: CertificateConfig, { certificates: [leaf] }: ServedPair): Uint8Array | null {
    const response = entry.ocsp_file === undefined ? undefined : this.material.response(entry.ocsp_file);
    if (response === undefined || leaf === undefined) return null;
    if (ocspFault(response, leaf, this.options.epochMs()) !== null) return null;
    this.ocspEndsMs = Math.min(this.ocspEndsMs, response.endsMs);
    return response.bytes;
  }

  private ruleOf(rule: ClientCertificatesConfig | null): ClientCertificateRule | null {
    if (rule === null) return null;
    const { ca = null, crl = null } = this.material.trust(rule) ?? {};
    // Without it every certificate would be trusted, or none asked for.
    if (ca === null) throw new Error("what verifies clients was not read");
    return { mode: rule.mode, ca, crl, verifyDepth: rule.verify_depth, forward: rule.forward ?? null };
  }

  private ticketKeysOf(slot: number, { tickets }: ListenerTlsConfig): readonly TicketKey[] {
    if (tickets === false) return [];
    return tickets.key_file === undefined ? this.rings.keysOf(slot, tickets.rotate) : this.material.ticketKeys(tickets.key_file);
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

function needsOf(listeners: TlsListeners): MaterialNeeds {
  const all = [...listeners.values()].map(({ tls }) => tls);
  const entries = all.flatMap(({ certificates }) => certificates);
  return {
    pairs: entries,
    trusts: [...all, ...entries].flatMap(({ client_certificates: rule }) => (rule === undefined || rule === false ? [] : [rule])),
    responses: entries.flatMap(({ ocsp_file: file }) => file ?? []),
    ticketKeys: all.flatMap(({ tickets }) => (tickets === false ? [] : (tickets.key_file ?? []))),
  };
}

/** The certificates of a listener. Those of files come first; the others are made or ordered by the proxy, which renews them. */
function usedOf(listener: TlsListener | undefined, { certificates }: ListenerTls): readonly UsedCertificate[] {
  const { address: of = "", tls } = listener ?? {};
  const files = tls?.certificates.length ?? 0;
  return certificates.flatMap(({ isChallenge, names, chain, keyKind: key }, index) =>
    isChallenge ? [] : [{ of, names, key, chain, isRenewed: index >= files }],
  );
}

/** What is asked of clients under the names of a certificate. */
function ruleFor(
  { client_certificates: own }: CertificateConfig,
  { client_certificates: all }: ListenerTlsConfig,
): ClientCertificatesConfig | null {
  return own === false ? null : (own ?? all ?? null);
}

function makesTicketKeys({ tickets }: ListenerTlsConfig): boolean {
  return tickets !== false && tickets.key_file === undefined;
}
