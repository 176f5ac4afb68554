/**
 * One listener in one thread: its configuration, its open connections, and what they share. listener.ts accepts the connections, and
 * admission.ts decides whether there is room for them.
 */
import { compileCidrs } from "../../base/cidr.ts";
import type { CidrSet } from "../../base/cidr.ts";
import type { Config } from "../../config/schema/schema.ts";
import { IdleReaders } from "../../http1/idle-readers.ts";
import type { MessageLimits } from "../../http1/limits.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import type { OwnAnswers } from "../../proxy/ports/own-answers.ts";
import type { TlsFacts } from "../../proxy/ports/tls-facts.ts";
import type { ListenerTls } from "../../shared/listener-tls.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { ServerContexts } from "../tls/server-contexts.ts";
import type { RefusedCertificate } from "../tls/client-refusal.ts";
import { TlsHandshake } from "../tls/tls-handshake.ts";
import type { UnusableCertificate } from "../tls/tls-handshake.ts";
import { ListenerNotices } from "./listener-notices.ts";
import type { ConnectionThread } from "../connection-thread.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { Admission } from "./admission.ts";
import { listenerHandshake } from "./listener-handshake.ts";
import { HostsOfConnection, REFUSED_CLIENT, ListenerAnswers, PlainOnTls } from "./own-answers.ts";
import type { MakeConnection } from "./protocol.ts";

export type ListenerConfig = Config["listeners"][number];

/** Which clients are trusted proxies, and which field of their requests names the client that they forward for. */
export interface Trust {
  readonly proxies: CidrSet;
  readonly addressFrom: Config["client_address_from"];
}

/** Whom a configuration trusts. */
export function trustOf({
  trusted_proxies: trusted,
  client_address_from: addressFrom,
}: Pick<Config, "trusted_proxies" | "client_address_from">): Trust {
  return { proxies: compileCidrs(trusted), addressFrom };
}

export class ListenerContext {
  readonly thread: ConnectionThread;
  /** Makes a connection of the listener's protocol. */
  readonly connect: MakeConnection;
  /** The listener's row in the worker table; see control/listening/listener-slots.ts. */
  readonly slot: number;
  config: ListenerConfig;
  /** What TLS needs; null: the listener speaks plain HTTP. Another object after every change of a file. */
  tls: ListenerTls | null = null;
  private tlsHandshake: TlsHandshake | null = null;
  limits: MessageLimits;
  trusted: CidrSet;
  addressFrom: Config["client_address_from"];
  /** Fields that are taken from no client, because the configuration has the proxy write them (`Snapshot.reservedFields`); null: none. */
  reserved: ReadonlySet<string> | null = null;
  /** All open connections, including those in a handshake. */
  readonly connections: Set<AcceptedConnection> = new Set();
  readonly admission: Admission = new Admission(this);
  readonly notices: ListenerNotices;
  /** What the listener answers itself. */
  readonly answers: ListenerAnswers = new ListenerAnswers();
  private readonly idleReaders: IdleReaders<RequestReader> = new IdleReaders(() => new RequestReader(this.limits));
  /** The listener takes nothing new and lets what runs end, because the process ends or a reload has removed the listener. */
  draining: boolean = false;

  constructor(thread: ConnectionThread, slot: number, config: ListenerConfig, trust: Trust, connect: MakeConnection) {
    this.connect = connect;
    this.thread = thread;
    this.slot = slot;
    this.notices = new ListenerNotices(thread, slot);
    this.config = config;
    this.limits = limitsOf(config);
    this.trusted = trust.proxies;
    this.addressFrom = trust.addressFrom;
    this.admission.handshake = listenerHandshake(this, this.tlsHandshake);
    this.answers.use(config);
  }

  /** What a connection answers itself, before a route is looked for; null: nothing. @param tls null: it is a plain connection */
  ownAnswersFor(tls: TlsFacts | null): OwnAnswers | null {
    if (tls !== null) return tls.rule.refusesAll ? REFUSED_CLIENT : new HostsOfConnection(tls.rule);
    if (this.tls !== null) return new PlainOnTls(this.tls.plainHttp, this.config.address);
    return this.answers.isSilent ? null : this.answers;
  }

  /** Applies a reload: new connections, and the next requests of open ones, have the new settings. */
  update(config: ListenerConfig, trust: Trust): void {
    this.config = config;
    this.limits = limitsOf(config);
    this.trusted = trust.proxies;
    this.addressFrom = trust.addressFrom;
    this.admission.handshake = listenerHandshake(this, this.tlsHandshake);
    this.answers.use(config);
  }

  /** The next connections have these settings; null: they are in the clear. Handshakes that are under way keep those that they began with. */
  useTls(tls: ListenerTls | null): void {
    if (tls === this.tls) return;
    this.tls = tls;
    const before = this.tlsHandshake;
    this.tlsHandshake =
      tls === null ? null : new TlsHandshake(this, new ServerContexts(tls, this.config.address, before?.contexts ?? null));
    this.admission.handshake = listenerHandshake(this, this.tlsHandshake);
    if (this.tlsHandshake === null) return;
    before?.handOver(this.tlsHandshake);
    // Who would not be let in today, or not be known, may have connections that are open for days.
    for (const connection of this.connections) if (!connection.isCurrent) connection.drain();
  }

  onCertificateRefused(refused: RefusedCertificate): void {
    this.notices.onCertificateRefused(refused, this.config);
  }

  onCertificateUnusable(unusable: UnusableCertificate): void {
    this.notices.onCertificateUnusable(unusable, this.config);
  }

  /** There will be no certificate for that name. */
  refuseCertificate(name: string): void {
    this.tlsHandshake?.refuse(name);
  }

  /** Drains every connection: each one closes when its exchanges have ended. The listening sockets are closed by then. */
  drain(): void {
    this.draining = true;
    for (const connection of this.connections) connection.drain();
  }

  /** Closes all connections at once. Returns how many exchanges were cut. */
  cut(): number {
    let cut = 0;
    for (const connection of this.connections) if (connection.cutNow()) cut++;
    return cut;
  }

  /** Returns a reader for a connection that begins to read requests. */
  takeReader(): RequestReader {
    const reader = this.idleReaders.take();
    reader.limitTo(this.limits);
    return reader;
  }

  /** Takes back a reader whose last message is complete and which has no unread bytes. */
  giveReaderBack(reader: RequestReader): void {
    reader.forget();
    this.idleReaders.giveBack(reader);
  }

  /** Removes a closed connection. Returns false if it was removed before. */
  forget(connection: AcceptedConnection): boolean {
    if (!this.connections.delete(connection)) return false;
    this.thread.metrics.add(CounterId.connections_open, -1);
    this.admission.uncount(connection.peer);
    return true;
  }
}

/** The limits on a request's head. */
export function limitsOf(config: ListenerConfig): MessageLimits {
  return {
    headBytesMax: config.limits.head_bytes,
    fieldsMax: config.limits.headers,
    startLineBytesMax: config.limits.request_line,
  };
}
