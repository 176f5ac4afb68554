/** A handshake for tests: the peer first sends a line that names its client, `for 203.0.113.9 secure`, and then speaks HTTP. */
import { Buffer } from "node:buffer";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { AcceptedTransport, OpenTransport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { Handshake, HandshakeEvents, HandshakeLimit, HandshakeRun } from "./handshake.ts";

const LINE_BYTES_MAX = 100;

export class LineHandshake implements Handshake {
  readonly limitMs: number;
  /** How many handshakes have begun. */
  begun: number = 0;
  /** Called after each read of a handshake. */
  onPiece: () => void = () => {};

  limitFor: (client: string | null) => HandshakeLimit | null = () => null;

  constructor(limitMs: number = 3000) {
    this.limitMs = limitMs;
  }

  speaksForMany(): boolean {
    return false;
  }

  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun {
    this.begun++;
    return new LineRun(open, peer, events, () => this.onPiece());
  }
}

class LineRun implements HandshakeRun, TransportReader, TransportWriter {
  readBuffer: Buffer = sharedBuffer;
  private readonly transport: AcceptedTransport;
  private readonly peer: string;
  private readonly events: HandshakeEvents;
  private readonly onPiece: () => void;
  private line: string = "";

  constructor(open: OpenTransport, peer: string, events: HandshakeEvents, onPiece: () => void) {
    this.onPiece = onPiece;
    this.peer = peer;
    this.events = events;
    this.transport = open(this, this);
    this.transport.start();
  }

  abort(): void {
    this.transport.destroy();
  }

  onRead(buffer: Buffer, count: number): void {
    const bytes = Buffer.from(buffer.subarray(0, count));
    const end = bytes.indexOf("\n");
    this.line += bytes.toString("latin1", 0, end < 0 ? count : end);
    if (end >= 0) this.finish(bytes.subarray(end + 1));
    else if (this.line.length > LINE_BYTES_MAX) this.abort();
    this.onPiece();
  }

  onEnd(): void {
    this.abort();
  }

  onClosed(): void {
    this.events.closed();
  }

  onWritten(): void {}

  onWriteFailed(): void {
    this.abort();
  }

  private finish(rest: Buffer): void {
    const { transport, peer } = this;
    const said = /^for ([\d.]+)( secure)?$/.exec(this.line);
    if (said === null) return this.abort();
    const [, client = peer, secure] = said;
    let next: TransportReader | null = null;
    const open: OpenTransport = (reader, writer) => {
      next = reader;
      transport.handTo(reader, writer);
      return transport;
    };
    this.events.finished(open, { peer, client, secure: secure !== undefined, tls: null, proxied: null });
    if (rest.length > 0) bring(next, rest);
  }
}

function bring(reader: TransportReader | null, bytes: Buffer): void {
  if (reader === null) return;
  bytes.copy(reader.readBuffer);
  reader.onRead(reader.readBuffer, bytes.length);
}
