/**
 * The handshake of a listener behind load balancers that speak the PROXY protocol: the connection's first bytes are a header that names the
 * client. From then on the client counts as the connection's peer. A connection without a right header, or from anybody else, is closed.
 */
import { Buffer } from "node:buffer";
import type { CidrSet } from "../../base/cidr.ts";
import type { ProxyFault, ProxyHeader } from "../../proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../proxy-protocol/header-reader.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { AcceptedTransport, OpenTransport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { AbortReason, Handshake, HandshakeEvents, HandshakeLimit, HandshakeRun } from "./handshake.ts";

export interface ProxyHeaderSettings {
  /** Who may send a header. */
  readonly from: CidrSet;
  readonly limitMs: number;
  /**
   * A further handshake, such as TLS, that follows the header: it begins with the client as its peer, and reads the bytes after the header. Null:
   * the listener's protocol follows.
   */
  readonly next: Handshake | null;
  /** A connection is closed because of this. */
  readonly onRefused: (sender: string, why: HeaderRefusal) => void;
  /** A connection is closed because too many handshakes are under way, which is known only once the header has named its client. */
  readonly onTurnedAway: (limit: HandshakeLimit, client: string) => void;
}

/** Why a connection is closed: a fault of the header, its end before the header's, or a sender that may send none. */
export type HeaderRefusal = ProxyFault | "incomplete" | "outside";

export class ProxyHeaderHandshake implements Handshake {
  readonly limitMs: number;
  private readonly settings: ProxyHeaderSettings;

  constructor(settings: ProxyHeaderSettings) {
    this.settings = settings;
    this.limitMs = settings.limitMs + (settings.next?.limitMs ?? 0);
  }

  limitFor(client: string | null): HandshakeLimit | null {
    return this.settings.next?.limitFor(client) ?? null;
  }

  speaksForMany(peer: string): boolean {
    return this.settings.from.contains(peer);
  }

  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun {
    const run = new ProxyHeaderRun(this.settings, open, peer, events);
    if (!this.settings.from.contains(peer)) run.refuse("outside");
    return run;
  }
}

class ProxyHeaderRun implements HandshakeRun, TransportReader, TransportWriter {
  readBuffer: Buffer = sharedBuffer;
  private readonly settings: ProxyHeaderSettings;
  private readonly transport: AcceptedTransport;
  private readonly sender: string;
  private readonly events: HandshakeEvents;
  private readonly header: ProxyHeaderReader = new ProxyHeaderReader();
  /** The further handshake, once it has begun. */
  private nextRun: HandshakeRun | null = null;

  constructor(settings: ProxyHeaderSettings, open: OpenTransport, sender: string, events: HandshakeEvents) {
    this.settings = settings;
    this.sender = sender;
    this.events = events;
    this.transport = open(this, this);
    this.transport.start();
  }

  abort(why: AbortReason): void {
    if (this.nextRun !== null) this.nextRun.abort(why);
    else this.transport.destroy();
  }

  refuse(why: HeaderRefusal): void {
    this.settings.onRefused(this.sender, why);
    this.transport.destroy();
  }

  onRead(buffer: Buffer, count: number): void {
    if (this.transport.destroyed) return;
    const read = this.header.take(buffer, 0, count);
    if (read.kind === "fault") return this.refuse(read.fault);
    // Copied, because whoever reads next may use the buffer before it gets these bytes.
    if (read.kind === "header") this.finish(read.header, Buffer.from(buffer.subarray(read.end, count)));
  }

  onEnd(): void {
    // Many load balancers probe by connecting and closing at once: that is no fault.
    if (this.header.hasBegun) this.refuse("incomplete");
    else this.transport.destroy();
  }

  onClosed(): void {
    this.events.closed();
  }

  onWritten(): void {}

  onWriteFailed(): void {
    this.transport.destroy();
  }

  private finish(header: ProxyHeader, rest: Buffer): void {
    const { transport, events, sender } = this;
    const { next, onTurnedAway } = this.settings;
    const client = header.addresses?.source ?? sender;
    const said = { peer: client, client, proxied: { sender, header } };
    let reader: TransportReader | null = null;
    const open: OpenTransport = (nextReader, writer) => {
      reader = nextReader;
      transport.handTo(nextReader, writer);
      return transport;
    };
    const limit = next?.limitFor(client) ?? null;
    if (next === null) events.finished(open, { ...said, secure: isSecure(header), tls: null });
    else if (limit !== null) {
      onTurnedAway(limit, client);
      return transport.destroy();
    } else {
      this.nextRun = next.begin(open, client, {
        finished: (opened: OpenTransport, facts: ConnectionFacts) =>
          events.finished(opened, { ...facts, ...said, secure: facts.secure || isSecure(header) }),
        refused: (lingerMs: number) => events.refused(lingerMs),
        closed: () => events.closed(),
      });
    }
    if (rest.length > 0) bring(reader, rest);
  }
}

/** Whether the header says that the client speaks TLS to the sender. */
function isSecure(header: ProxyHeader): boolean {
  return (header.details?.tls ?? null) !== null;
}

/** Gives a new reader the bytes that were read for it already. */
function bring(reader: TransportReader | null, bytes: Buffer): void {
  if (reader === null) return;
  for (let at = 0; at < bytes.length;) {
    const { readBuffer } = reader;
    const count = bytes.copy(readBuffer, 0, at);
    at += count;
    reader.onRead(readBuffer, count);
  }
}
