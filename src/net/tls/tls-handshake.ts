/**
 * The handshake of TLS listeners. It reads the ClientHello itself, chooses the certificate by its name, and then lets OpenSSL go on with that certificate's context:
 *
 * ```text
 *   hello --read--> chosen --a place in this turn--> under way --established--> finished
 *     |                `--no certificate--> wanted --it came--'
 *     `--plain HTTP: the connection goes on without TLS, to be told so
 *   each: --finished, closed by the client, aborted--> over
 *         --refused, failed--> told --the client closes, or has had time to read it--> over
 * ```
 */
import { Buffer } from "node:buffer";
import type { TlsFacts, TlsRule } from "../../proxy/ports/tls-facts.ts";
import { opensslReason } from "../../certificates/openssl-reason.ts";
import type { HandshakeFailure } from "../../shared/handshake-failure.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { sameRule } from "../../shared/listener-tls.ts";
import { ACME_PROTOCOL } from "../../tls/certificate-names.ts";
import type { CertificateSet } from "../../tls/certificate-names.ts";
import { readClientHello } from "../../tls/client-hello.ts";
import type { ClientHello } from "../../tls/client-hello.ts";
import type { AbortReason, Handshake, HandshakeEvents, HandshakeLimit, HandshakeRun } from "../accept/handshake.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { ConnectionThread } from "../connection-thread.ts";
import type { AcceptedTransport, OpenTransport, TransportReader, TransportWriter } from "../transport/transport.ts";
import { DISCARD_BYTES_MAX, LINGER_MS } from "../refused-body.ts";
import { ALERT, alertRecord } from "./alert.ts";
import { judgeClient } from "./client-certificate.ts";
import { NO_CERTIFICATE, claimedSubject, refusalInWords } from "./client-refusal.ts";
import type { RefusedCertificate } from "./client-refusal.ts";
import { encrypt } from "./encrypt.ts";
import type { Encrypted } from "./encrypt.ts";
import { HandshakeCount } from "./handshake-count.ts";
import { failureCounter, handshakeFailure } from "./handshake-failure.ts";
import type { ServerContexts, Served } from "./server-contexts.ts";

/** The listener of a handshake, in one thread. */
export interface TlsOwner {
  /** The listener's row in the worker table. */
  readonly slot: number;
  readonly thread: ConnectionThread;
  /** The client's certificate was refused, or it has shown none. */
  onCertificateRefused(refused: RefusedCertificate): void;
  /** OpenSSL does not take the certificate for a name. */
  onCertificateUnusable(unusable: UnusableCertificate): void;
}

/** A connection that was closed because OpenSSL does not take the certificate. */
export interface UnusableCertificate {
  readonly client: string;
  /** The name in SNI; null: none. */
  readonly serverName: string | null;
  readonly why: string;
}

export class TlsHandshake implements Handshake {
  readonly listener: TlsOwner;
  readonly contexts: ServerContexts;
  /** The handshakes of the listener that are under way in this thread. */
  readonly running: HandshakeCount;
  /** Handshakes that wait for a certificate, by the name. */
  private readonly wanted: Map<string, Set<TlsRun>> = new Map();
  /** What has taken its place, because the listener has other certificates now. */
  private successor: TlsHandshake | null = null;

  constructor(listener: TlsOwner, contexts: ServerContexts) {
    this.listener = listener;
    this.contexts = contexts;
    this.running = new HandshakeCount(contexts.settings.handshakesMax);
  }

  limitFor(client: string | null): HandshakeLimit | null {
    return this.running.limitFor(client);
  }

  speaksForMany(): boolean {
    return false;
  }

  get limitMs(): number {
    return this.contexts.settings.handshakeMs;
  }

  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun {
    return new TlsRun(this, open, peer, events);
  }

  /** Waits for a certificate for that name. Returns whether it is to be asked for: nobody waits for it yet. */
  want(name: string, run: TlsRun): boolean {
    const waiting = this.wanted.get(name);
    if (waiting !== undefined) {
      waiting.add(run);
      return false;
    }
    this.wanted.set(name, new Set([run]));
    return true;
  }

  /** Nobody waits any more through `run`. */
  wantNoMore(name: string, run: TlsRun): void {
    const waiting = this.wanted.get(name);
    waiting?.delete(run);
    if (waiting?.size === 0) this.wanted.delete(name);
  }

  /** There will be no certificate for that name: those that wait for it are refused. */
  refuse(name: string): void {
    const waiting = this.wanted.get(name);
    this.wanted.delete(name);
    for (const run of waiting ?? []) run.noCertificate();
  }

  /** With the certificates that the listener has now. */
  get newest(): TlsHandshake {
    return this.successor?.newest ?? this;
  }

  /** The listener has other certificates now: `next` takes over those that wait, and those whose client has not named a name yet. */
  handOver(next: TlsHandshake): void {
    this.successor = next;
    for (const waiting of this.wanted.values()) for (const run of waiting) run.retry(next);
    this.wanted.clear();
  }
}

/** The handshake of one connection. */
class TlsRun implements HandshakeRun, TransportReader, TransportWriter {
  readBuffer: Buffer = sharedBuffer;
  private owner: TlsHandshake;
  private readonly peer: string;
  private readonly events: HandshakeEvents;
  /** The connection: in the clear, and from `begin` on encrypted. */
  private transport: AcceptedTransport;
  private encrypted: Encrypted | null = null;
  private state: "hello" | "chosen" | "wanted" | "under way" | "told" | "over" = "hello";
  /** What has come of the client's first message, if it took several reads or waits. */
  private received: Buffer | null = null;
  /** So many bytes are to come at least before it can be whole. */
  private wholeFrom: number = 0;
  private hello: ClientHello | null = null;
  private served: Served | null = null;
  private giveUpPlace: () => void = () => {};
  /** Bytes that came after the client was told that it is refused. */
  private discarded: number = 0;

  constructor(owner: TlsHandshake, open: OpenTransport, peer: string, events: HandshakeEvents) {
    this.owner = owner;
    this.peer = peer;
    this.events = events;
    owner.running.begin(peer);
    this.transport = open(this, this);
    this.transport.start();
  }

  abort(why: AbortReason): void {
    this.drop(why);
  }

  private drop(why: HandshakeFailure): void {
    this.fail(why);
    this.state = "over";
    this.transport.destroy();
  }

  // ---- the client's first message -------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    if (this.state === "told") return this.discard(count);
    if (this.state !== "hello") return;
    const { received } = this;
    const bytes = received === null ? buffer.subarray(0, count) : Buffer.concat([received, buffer.subarray(0, count)]);
    const read = bytes.length < this.wholeFrom ? this.wholeFrom - bytes.length : readClientHello(bytes, 0, bytes.length);
    if (typeof read === "number") {
      this.received = received === null ? Buffer.from(bytes) : bytes;
      this.wholeFrom = bytes.length + read;
    } else if (read === "plain") this.goPlain(Buffer.from(bytes));
    else if (read === "invalid") this.refuse(ALERT.decodeError, "not_tls");
    else this.choose(read, bytes);
  }

  private choose(hello: ClientHello, bytes: Buffer): void {
    this.hello = hello;
    // A name that the client of an older connection wants may have got its certificate meanwhile, and is not asked for again.
    this.useOwner(this.owner.newest);
    const { owner } = this;
    const { serverName } = hello;
    try {
      if (hello.protocols.includes(ACME_PROTOCOL)) {
        this.served = serverName === null ? null : owner.contexts.forChallenge(serverName);
        if (this.served === null) return this.refuse(ALERT.noApplicationProtocol, "unknown_name");
      } else this.served = owner.contexts.forName(serverName);
    } catch (error) {
      // The control plane has checked the certificate: OpenSSL in this thread sees it differently.
      owner.listener.onCertificateUnusable({ client: this.peer, serverName, why: opensslReason(error) });
      return this.refuse(ALERT.internalError, "unusable_certificate");
    }
    if (this.served === null) return this.want(bytes);
    this.state = "chosen";
    this.received = null;
    this.giveUpPlace = owner.listener.thread.handshakes.take(() => this.begin(this.received ?? bytes));
    if (this.isWaiting()) this.wait(bytes);
  }

  /** A method, because the compiler does not see that taking a place may change the state. */
  private isWaiting(): boolean {
    return this.state === "chosen";
  }

  /** Keeps what was read, because its buffer is one that other connections read into. */
  private wait(bytes: Buffer): void {
    this.received = Buffer.from(bytes);
    this.transport.pause();
  }

  private want(bytes: Buffer): void {
    const { owner, hello } = this;
    const name = hello?.serverName ?? null;
    if (name === null || !owner.contexts.settings.onDemand) return this.refuse(ALERT.unrecognizedName, "unknown_name");
    this.state = "wanted";
    this.wait(bytes);
    if (owner.want(name, this)) owner.listener.thread.wantCertificate(owner.listener.slot, name);
  }

  /** The certificates of the listener have changed while this handshake waited for one. */
  retry(owner: TlsHandshake): void {
    const { hello, received } = this;
    if (this.state !== "wanted" || hello === null || received === null) return;
    this.useOwner(owner);
    this.choose(hello, received);
  }

  private useOwner(owner: TlsHandshake): void {
    this.owner.running.end(this.peer);
    this.owner = owner;
    owner.running.begin(this.peer);
  }

  noCertificate(): void {
    if (this.state === "wanted") this.refuse(ALERT.unrecognizedName, "unknown_name");
  }

  // ---- OpenSSL's part -------------------------------------------------------------------------------------------------

  private begin(bytes: Buffer): void {
    const { served, hello, transport } = this;
    if (this.state !== "chosen" || served === null || hello === null) return;
    this.state = "under way";
    this.received = null;
    const encrypted = encrypt(transport, served, bytes, hello, {
      reader: this,
      writer: this,
      handshake: { established: () => void setImmediate(() => this.established()), failed: (code) => this.failedWith(code) },
    });
    if (encrypted === null) {
      this.fail("other");
      return this.events.closed();
    }
    this.encrypted = encrypted;
    this.transport = encrypted.transport;
    encrypted.begin();
  }

  private established(): void {
    const { owner, encrypted, served, hello, transport } = this;
    if (this.state !== "under way" || encrypted === null || served === null || hello === null || transport.destroyed) return;
    const { metrics, platform } = owner.listener.thread;
    const { clients } = served.set;
    const judged = clients === null ? null : judgeClient(encrypted, clients, platform.epochMs());
    const refused = judged !== null && "refused" in judged ? judged.refused : null;
    const certificate = judged === null || "refused" in judged ? null : judged;
    const resumed = encrypted.isResumed();
    if (refused === null) {
      metrics.add(CounterId.tls_handshakes, 1);
      if (resumed) metrics.add(CounterId.tls_handshakes_resumed, 1);
    } else {
      metrics.add(failureCounter("refused_certificate"), 1);
      this.reportRefused(refused);
    }
    if (hello.protocols.includes(ACME_PROTOCOL)) return this.endChallenge();
    this.over();
    const facts: TlsFacts = {
      ...encrypted.protocolFacts(),
      serverName: hello.serverName,
      resumed,
      certificate,
      rule: new ListenerRule(owner, served.set, hello.serverName, refused !== null),
    };
    const open: OpenTransport = (reader, writer) => {
      transport.handTo(reader, writer);
      return transport;
    };
    this.events.finished(open, { peer: this.peer, client: this.peer, secure: true, tls: facts, proxied: null });
  }

  /** The certificate authority has seen the certificate: that is all it came for. */
  private endChallenge(): void {
    this.over();
    this.transport.destroySoon();
  }

  // ---- other ends -----------------------------------------------------------------------------------------------------

  /** The client speaks HTTP without TLS: its connection goes on in the clear, and each request on it gets an answer that says so. */
  private goPlain(bytes: Buffer): void {
    const { transport } = this;
    let next: TransportReader | null = null;
    this.over();
    const open: OpenTransport = (reader, writer) => {
      next = reader;
      transport.handTo(reader, writer);
      return transport;
    };
    this.events.finished(open, { peer: this.peer, client: this.peer, secure: false, tls: null, proxied: null });
    bring(next, bytes);
  }

  private refuse(alert: number, why: HandshakeFailure): void {
    if (!this.fail(why)) return;
    this.transport.write(alertRecord(alert));
    this.tell();
  }

  /** The handshake has failed with a code of OpenSSL or Node. OpenSSL has sent an alert. */
  private failedWith(code: string): void {
    if (!this.fail(handshakeFailure(code))) return;
    if (code === NO_CERTIFICATE) this.reportRefused(code);
    this.state = "told";
    // OpenSSL works until the end of this turn.
    setImmediate(() => this.clear());
  }

  private clear(): void {
    if (this.state !== "told" || this.transport.destroyed) return;
    const rest = this.encrypted?.clear(this, this) ?? null;
    if (rest === null) return;
    this.transport = rest;
    rest.start();
    this.tell();
  }

  /**
   * Ends the connection, but not at once: the system would answer what the client still sends with a reset, and a reset discards what the client has not
   * read yet, such as the alert that says why.
   */
  private tell(): void {
    const { transport } = this;
    if (transport.destroyed) return;
    this.state = "told";
    transport.end();
    transport.resume();
    this.events.refused(LINGER_MS);
  }

  private discard(count: number): void {
    this.discarded += count;
    if (this.discarded > DISCARD_BYTES_MAX) this.transport.destroy();
  }

  private reportRefused(code: string): void {
    const { owner, peer, hello, encrypted } = this;
    const subject = claimedSubject(encrypted?.peerCertificate()?.raw);
    const refused = { client: peer, serverName: hello?.serverName ?? null, code, why: refusalInWords(code), subject };
    owner.listener.onCertificateRefused(refused);
  }

  /** The handshake has come to nothing. Returns false if it was over before. */
  private fail(why: HandshakeFailure): boolean {
    if (this.isOver) return false;
    this.owner.listener.thread.metrics.add(failureCounter(why), 1);
    this.over();
    return true;
  }

  private get isOver(): boolean {
    return this.state === "told" || this.state === "over";
  }

  /** The handshake takes nothing any more of what it shares with others. */
  private over(): void {
    if (this.isOver) return;
    const name = this.hello?.serverName ?? null;
    if (this.state === "wanted" && name !== null) this.owner.wantNoMore(name, this);
    this.state = "over";
    this.giveUpPlace();
    this.received = null;
    this.owner.running.end(this.peer);
  }

  onEnd(): void {
    this.drop("client_left");
  }

  onClosed(): void {
    this.fail("client_left");
    this.state = "over";
    this.events.closed();
  }

  onWritten(): void {}

  onWriteFailed(): void {
    this.drop("client_left");
  }
}

/** What a listener says of the requests on a connection whose handshake is finished. */
class ListenerRule implements TlsRule {
  readonly refusesAll: boolean;
  private readonly owner: TlsHandshake;
  private readonly set: CertificateSet;
  private readonly serverName: string | null;

  constructor(owner: TlsHandshake, set: CertificateSet, serverName: string | null, refusesAll: boolean) {
    this.owner = owner;
    this.set = set;
    this.serverName = serverName;
    this.refusesAll = refusesAll;
  }

  admits(host: string): boolean {
    return this.owner.contexts.admits(this.set, host);
  }

  isCurrent(): boolean {
    const { contexts } = this.owner.newest;
    return contexts === this.owner.contexts || sameRule(contexts.ruleFor(this.serverName), this.set.clients);
  }
}

/** Gives a reader bytes that were read before it came. */
function bring(reader: TransportReader | null, bytes: Buffer): void {
  if (reader === null) return;
  bytes.copy(reader.readBuffer);
  reader.onRead(reader.readBuffer, bytes.length);
}
