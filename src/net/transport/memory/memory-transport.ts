/**
 * One end of a connection in memory. It behaves like a TCP socket:
 *
 * - Bytes that were sent and not read yet lie in the receive buffer of the receiving end, which has a limit. Further bytes wait at the
 *   writer, in place.
 * - A FIN arrives after all bytes written before it.
 * - An end resets the connection if it closes with unread bytes, or if bytes arrive after it has closed.
 * - A reset is reported once, by the next read or write. An end that has read the FIN reads no more, so there only a write can report it.
 *
 * Every call of a reader or writer is an event of the network (memory-network.ts), never made within a call of the transport.
 */
import { Buffer } from "node:buffer";
import type { ConnectionAddresses } from "../../../proxy-protocol/header.ts";
import type { AcceptedTransport, TransportReader, TransportWriter } from "../transport.ts";
import { ByteQueue } from "./byte-queue.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";

/** Something that delivers its events one at a time. */
export interface EventSource {
  /** The source is in the queue. */
  isQueued: boolean;
  /** Delivers one event. Returns false if there was none. */
  deliver(): boolean;
}

/** The network, as an end of a connection sees it. */
export interface EventQueue {
  /** Adds a source that has, or may have, an event. */
  add(source: EventSource): void;
  /** Returns how many of the `available` bytes the next read brings: at least 1. */
  cut(available: number): number;
}

export class MemoryTransport implements AcceptedTransport, EventSource {
  readonly readsOnDemand: boolean = true;
  destroyed: boolean = false;
  isQueued: boolean = false;
  /** How many bytes the reader has got so far. */
  readBytes: number = 0;
  /** Size of the receive buffer in bytes. */
  private readonly capacity: number;
  private readonly network: EventQueue;
  private reader: TransportReader;
  private writer: TransportWriter;
  /** What `addresses` tells; null: nothing. */
  ends: ConnectionAddresses | null = null;
  /** The other end; null before the connection is established. */
  peer: MemoryTransport | null = null;
  private readBuffer: Buffer;
  private reading: boolean = false;

  // ---- what comes in
  private readonly received: ReceiveBuffer = new ReceiveBuffer();
  /** The peer has sent its FIN. */
  private peerEnded: boolean = false;
  /** `onEnd` was called. */
  private endTold: boolean = false;
  /** The peer has reset the connection. */
  private wasReset: boolean = false;

  // ---- what goes out
  /** Bytes for which the peer's receive buffer has no room. Not copied, as in a write that the kernel has not taken. */
  private readonly waiting: ByteQueue = new ByteQueue();
  private writeUnfinished: boolean = false;
  private ended: boolean = false;
  private finSent: boolean = false;
  private closesWhenWritten: boolean = false;
  private writeFailed: boolean = false;
  private onSent: (() => void) | null = null;

  /** To be called as an event once the connection is established. */
  private connected: (() => void) | null = null;
  private closedCode: string | null = null;
  private closedTold: boolean = false;

  constructor(network: EventQueue, capacity: number, reader: TransportReader, writer: TransportWriter) {
    this.network = network;
    this.capacity = capacity;
    this.reader = reader;
    this.writer = writer;
    this.readBuffer = reader.readBuffer;
  }

  /** Joins two ends. `connected` is called as an event. */
  connect(peer: MemoryTransport, connected: () => void): void {
    this.peer = peer;
    peer.peer = this;
    this.connected = connected;
    this.network.add(this);
  }

  start(): void {
    this.resume();
  }

  handTo(reader: TransportReader, writer: TransportWriter): void {
    this.reader = reader;
    this.writer = writer;
    this.readBuffer = reader.readBuffer;
  }

  addresses(): ConnectionAddresses | null {
    return this.destroyed ? null : this.ends;
  }

  get readable(): boolean {
    return !this.destroyed && !this.endTold;
  }

  get writable(): boolean {
    return !this.destroyed && !this.ended && !this.closesWhenWritten;
  }

  get queuedBytes(): number {
    return this.destroyed ? 0 : this.waiting.length;
  }

  write(data: string | readonly (string | Buffer)[]): boolean {
    if (!this.writable) return true;
    const { peer } = this;
    if (peer === null) return true;
    if (this.wasReset || peer.destroyed) {
      // The first write to a closed socket is answered with a reset, and the next one fails.
      if (this.wasReset) this.fail();
      else this.takeReset();
      return true;
    }
    if (typeof data === "string") this.hand(peer, data);
    else for (const piece of data) this.hand(peer, piece);
    this.push();
    if (this.waiting.length === 0) return true;
    this.writeUnfinished = true;
    return false;
  }

  /** Adds a piece to the peer's receive buffer if it fits and no other piece waits; else the piece waits. */
  private hand(peer: MemoryTransport, piece: string | Buffer): void {
    if (this.waiting.length === 0 && piece.length <= peer.capacity - peer.received.length) peer.received.add(piece);
    else this.waiting.add(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
  }

  readInto(buffer: Buffer): void {
    this.readBuffer = buffer;
  }

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    if (this.reading || !this.readable) return;
    this.reading = true;
    this.network.add(this);
  }

  end(sent?: () => void): void {
    if (!this.writable) return;
    this.ended = true;
    this.onSent = sent ?? null;
    this.push();
  }

  destroySoon(): void {
    if (this.waiting.length === 0) return this.destroy();
    this.closesWhenWritten = true;
  }

  destroy(code?: string): void {
    if (this.destroyed) return;
    const { peer } = this;
    const isUnread = this.received.length > 0;
    this.gone(code ?? null);
    if (peer === null || peer.destroyed) return;
    // Closing with unread bytes resets the connection (RFC 9112 section 9.6).
    if (isUnread) peer.takeReset();
    else peer.takeEnd();
  }

  reset(): void {
    if (this.destroyed) return;
    this.gone(null);
    if (this.peer !== null && !this.peer.destroyed) this.peer.takeReset();
  }

  // ---- events -------------------------------------------------------------------------------------------------------

  deliver(): boolean {
    if (this.destroyed) return this.deliverClosed();
    return this.deliverConnected() || this.deliverWritten() || this.deliverRead();
  }

  private deliverConnected(): boolean {
    const { connected } = this;
    if (connected === null) return false;
    this.connected = null;
    connected();
    return true;
  }

  private deliverWritten(): boolean {
    if (this.wasReset && this.writeUnfinished) {
      // If this end is also reading, its read reports the reset.
      if (this.reading && !this.endTold) return false;
      this.fail();
      return true;
    }
    if (this.waiting.length > 0) return false;
    if (this.writeUnfinished) {
      this.writeUnfinished = false;
      if (this.closesWhenWritten) this.destroy();
      else this.writer.onWritten();
      return true;
    }
    const { onSent } = this;
    if (!this.finSent || onSent === null) return false;
    this.onSent = null;
    onSent();
    return true;
  }

  private deliverRead(): boolean {
    if (!this.reading || this.endTold) return false;
    if (this.received.length > 0) {
      const count = this.read();
      const { readBuffer, reader } = this;
      reader.onRead(readBuffer, count);
      this.readBuffer = this.reader.readBuffer;
      return true;
    }
    if (this.wasReset && !this.peerEnded && !this.writeFailed) {
      this.gone("ECONNRESET");
      return true;
    }
    if (!this.peerEnded && !this.wasReset) return false;
    this.endTold = true;
    this.network.add(this);
    this.reader.onEnd();
    return true;
  }

  private deliverClosed(): boolean {
    if (this.closedTold) return false;
    this.closedTold = true;
    this.reader.onClosed(this.closedCode);
    return true;
  }

  // ---- the receive buffer -------------------------------------------------------------------------------------------

  /** Moves bytes into the read buffer. Returns how many. */
  private read(): number {
    const { received, readBuffer } = this;
    const count = this.network.cut(Math.min(received.length, readBuffer.length));
    received.moveTo(readBuffer, count);
    this.readBytes += count;
    this.peer?.push();
    this.network.add(this);
    return count;
  }

  /** Moves waiting bytes to the peer as far as there is room, then the FIN. */
  private push(): void {
    const { peer, waiting } = this;
    if (peer === null || this.destroyed) return;
    while (waiting.length > 0 && !peer.destroyed && peer.received.length < peer.capacity) {
      peer.received.add(waiting.take(peer.capacity - peer.received.length));
    }
    this.network.add(peer);
    if (waiting.length > 0) return;
    if (this.writeUnfinished) this.network.add(this);
    if (!this.ended || this.finSent) return;
    this.finSent = true;
    if (!peer.destroyed) peer.takeEnd();
    this.network.add(this);
  }

  private takeEnd(): void {
    this.peerEnded = true;
    this.network.add(this);
  }

  private takeReset(): void {
    this.wasReset = true;
    this.network.add(this);
  }

  /** Fails the current write, because of a reset. */
  private fail(): void {
    this.writeFailed = true;
    this.writeUnfinished = false;
    this.waiting.clear();
    this.writer.onWriteFailed();
    if (this.closesWhenWritten) this.destroy();
    // A FIN that waits for the bytes follows their failure.
    else this.push();
  }

  private gone(code: string | null): void {
    this.destroyed = true;
    this.closedCode = code;
    this.received.clear();
    this.waiting.clear();
    this.network.add(this);
  }
}
