/** One end of a connection in a test's hand: it sends bytes as they are given and keeps what comes. */
import { Buffer } from "node:buffer";
import type { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import type { Transport, TransportReader, TransportWriter } from "../net/transport/transport.ts";
import { untilClockStandsStill } from "./patience.ts";

/** One for all: each takes what it reads before it returns. */
const READ_BUFFER: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A character that latin1 does not have. */
const NO_BYTE = /[\u0100-\uffff]/;

/** A wait was in vain because the connection has ended. */
export class ConnectionEnded extends Error {}

/** What a wait is for: a text, a pattern, or a condition on all that was received. */
export type Awaited = string | RegExp | ((received: string) => boolean);

export class TestConnection implements TransportReader, TransportWriter {
  /** The other side has sent its FIN. */
  hasEnded: boolean = false;
  /** The connection is gone. */
  isClosed: boolean = false;
  /** Why it is gone: the system's name of the failure, such as `ECONNRESET`; null without one. */
  error: string | null = null;
  /** Called with each piece that arrives, instead of keeping it. */
  onData: ((bytes: Buffer) => void) | null = null;
  /** Called at the other side's FIN, and when the connection is gone. */
  onEnded: (() => void) | null = null;
  /** Used by those who make connections: called when the connection is gone. */
  onGone: (() => void) | null = null;
  // Out of sight of a failed assertion, as `readBuffer` is: it would take minutes to print all that they lead to.
  readonly #clock: VirtualClock;
  #transport: Transport | null = null;
  private chunks: string[] = [];
  private unsent: (string | Buffer)[] = [];
  private isConnected: boolean = false;
  private endsAfterwards: boolean = false;
  private isPaused: boolean = false;
  private readonly waiting: Set<() => void> = new Set();

  /** Used by those who make connections. */
  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Used by the connection itself. */
  get readBuffer(): Buffer {
    return READ_BUFFER;
  }

  /** Used by those who make connections. */
  attach(transport: Transport, isConnected: boolean): void {
    this.#transport = transport;
    if (isConnected) this.connected();
  }

  /** Used by those who make connections. */
  connected(): void {
    this.isConnected = true;
    if (this.isPaused) this.#transport?.pause();
    for (const piece of this.unsent.splice(0)) this.send(piece);
    if (this.endsAfterwards) this.end();
    this.look();
  }

  /** All bytes that have come, as one text of a character (up to U+00FF) each. */
  get received(): string {
    if (this.chunks.length > 1) this.chunks = [this.chunks.join("")];
    return this.chunks[0] ?? "";
  }

  /** Forgets what has come so far, and returns it. */
  take(): string {
    const { received } = this;
    this.chunks = [];
    return received;
  }

  /** Sends text of characters up to U+00FF, or bytes. Before the connection stands they wait. True: all of it was taken at once. */
  send(data: string | Uint8Array): boolean {
    if (typeof data === "string" && NO_BYTE.test(data))
      throw new Error("this text has characters that are no single byte: send it as bytes");
    const piece = typeof data === "string" ? data : Buffer.from(data);
    if (this.isConnected) return this.#transport?.write([piece]) ?? true;
    this.unsent.push(piece);
    return false;
  }

  /** Sends a FIN: nothing more will come from this side. */
  end(): void {
    if (this.isConnected) this.#transport?.end();
    else this.endsAfterwards = true;
  }

  /** Closes both ways. */
  close(): void {
    this.#transport?.destroy();
  }

  /** Resets the connection. */
  reset(): void {
    this.#transport?.reset();
  }

  /** Stops reading: what the other side sends stays with it once the receive buffer is full. */
  pause(): void {
    this.isPaused = true;
    this.#transport?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.#transport?.resume();
  }

  /** Bytes sent that the other side has no place for. */
  get queuedBytes(): number {
    return this.#transport?.queuedBytes ?? 0;
  }

  /** Waits until that has been received; resolves with all that was. Rejects when nothing more can come. */
  async until(what: Awaited): Promise<string> {
    const isThere = (): boolean => isMet(what, this.received);
    await this.when(() => isThere() || this.hasEnded || this.isClosed, String(what));
    if (isThere()) return this.received;
    throw new ConnectionEnded(`the connection ended (${this.error ?? "in good order"}) before ${String(what)} came: ${this.shown()}`);
  }

  /** Waits for the other side's FIN, or the end of the connection; resolves with all that was received. */
  async untilEnded(): Promise<string> {
    await this.when(() => this.hasEnded || this.isClosed, "the end");
    return this.received;
  }

  /** Waits until the connection is gone; resolves with all that was received. */
  async untilClosed(): Promise<string> {
    await this.when(() => this.isClosed, "the close");
    return this.received;
  }

  /** Waits until all that was sent has been taken, or the connection is gone. */
  async drained(): Promise<void> {
    if (this.#transport !== null) await this.when(() => this.isClosed || (this.isConnected && this.queuedBytes === 0), "place to send");
  }

  private async when(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!condition()) return;
        cancel();
        this.waiting.delete(look);
        resolve();
      };
      const cancel = untilClockStandsStill(this.#clock, () => {
        this.waiting.delete(look);
        reject(new Error(`waited in vain for ${what}, and the proxy's time stands still (advance). Received: ${this.shown()}`));
      });
      this.waiting.add(look);
    });
  }

  private shown(): string {
    return JSON.stringify(this.received.slice(-500));
  }

  private look(): void {
    for (const look of this.waiting) look();
  }

  // ---- what the transport says --------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    if (this.onData !== null) return this.onData(buffer.subarray(0, count));
    this.chunks.push(buffer.toString("latin1", 0, count));
    this.look();
  }

  onEnd(): void {
    this.hasEnded = true;
    this.onEnded?.();
    this.look();
  }

  onClosed(code: string | null): void {
    this.isClosed = true;
    this.error = code;
    this.onGone?.();
    this.onEnded?.();
    this.look();
  }

  onWritten(): void {
    this.look();
  }

  /** The other side has reset the connection; what it had sent before can still be read. */
  onWriteFailed(): void {
    this.#transport?.destroy("EPIPE");
  }
}

function isMet(what: Awaited, received: string): boolean {
  if (typeof what === "string") return received.includes(what);
  return typeof what === "function" ? what(received) : what.test(received);
}
