import { Buffer } from "node:buffer";
import type { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import type { Transport } from "../net/transport/transport.ts";
import { untilClockStandsStill } from "./patience.ts";

/** Shared by all connections, because each one copies what it reads at once. */
const READ_BUFFER: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A character outside latin1. */
const NO_BYTE = /[\u0100-\uffff]/;

/** Thrown by a wait of a {@link TestConnection} when the connection ended before the awaited bytes came. */
export class ConnectionEnded extends Error {}

/** What to wait for: a text or a pattern in the received bytes, or a condition on all of them. */
export type Awaited = string | RegExp | ((received: string) => boolean);

/**
 * One end of a connection in memory, held by a test: a client's end (`proxy.connect()`) or an endpoint's (`script.raw`). It sends exactly the
 * bytes that it is given, and keeps what it receives. Every wait ends in an Error where the proxy's time would have to pass first.
 */
export class TestConnection {
  /** Whether the other side has sent its FIN. */
  hasEnded: boolean = false;
  /** Whether the connection is closed in both directions. */
  isClosed: boolean = false;
  /** Why the connection was closed: a system error code such as `ECONNRESET`. Null: without an error, or it is not closed. */
  error: string | null = null;
  /** If set, called with each received piece, which is then not kept. */
  onData: ((bytes: Buffer) => void) | null = null;
  /** Called at the other side's FIN, and when the connection is closed. */
  onEnded: (() => void) | null = null;
  /** @internal Called when the connection is closed. */
  onGone: (() => void) | null = null;
  // Private with `#`, so that a failed assertion does not print them: it would take minutes to print all that they refer to.
  readonly #clock: VirtualClock;
  #transport: Transport | null = null;
  private chunks: string[] = [];
  private unsent: (string | Buffer)[] = [];
  private isConnected: boolean = false;
  /** `end` was called before the connection was established. */
  private endsWhenConnected: boolean = false;
  private isPaused: boolean = false;
  private readonly waiting: Set<() => void> = new Set();

  /** @internal Tests get connections from `proxy.connect()` and `script.raw`. */
  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** @internal The memory that the transport reads into. */
  get readBuffer(): Buffer {
    return READ_BUFFER;
  }

  /** @internal Sets the transport. */
  attach(transport: Transport, isConnected: boolean): void {
    this.#transport = transport;
    if (isConnected) this.connected();
  }

  /** @internal Called when the connection is established. Sends what was given to `send` before. */
  connected(): void {
    this.isConnected = true;
    if (this.isPaused) this.#transport?.pause();
    for (const piece of this.unsent.splice(0)) this.send(piece);
    if (this.endsWhenConnected) this.end();
    this.checkWaits();
  }

  /** All bytes received since the last `take`, as latin1 text (one character per byte). */
  get received(): string {
    if (this.chunks.length > 1) this.chunks = [this.chunks.join("")];
    return this.chunks[0] ?? "";
  }

  /** Returns all received bytes as text, and forgets them. */
  take(): string {
    const { received } = this;
    this.chunks = [];
    return received;
  }

  /**
   * Sends bytes, or latin1 text (throws for other characters). They wait until the connection is established. True: the other side had room
   * for all of them at once.
   */
  send(data: string | Uint8Array): boolean {
    if (typeof data === "string" && NO_BYTE.test(data))
      throw new Error("this text has characters that are no single byte: send it as bytes");
    const piece = typeof data === "string" ? data : Buffer.from(data);
    if (this.isConnected) return this.#transport?.write([piece]) ?? true;
    this.unsent.push(piece);
    return false;
  }

  /** Sends a FIN: this side sends nothing more, but still receives. */
  end(): void {
    if (this.isConnected) this.#transport?.end();
    else this.endsWhenConnected = true;
  }

  /** Closes the connection in both directions. */
  close(): void {
    this.#transport?.destroy();
  }

  /** Resets the connection. */
  reset(): void {
    this.#transport?.reset();
  }

  /** Stops reading. Once the receive buffer is full, the other side cannot send more. */
  pause(): void {
    this.isPaused = true;
    this.#transport?.pause();
  }

  /** Reads on after `pause`. */
  resume(): void {
    this.isPaused = false;
    this.#transport?.resume();
  }

  /** Bytes given to `send` that the other side has no room for yet. */
  get queuedBytes(): number {
    return this.#transport?.queuedBytes ?? 0;
  }

  /**
   * Waits until `what` has been received. Resolves with everything received. Rejects with {@link ConnectionEnded} when the connection ends
   * first, and with an Error when nothing comes because the proxy's time stands still.
   */
  async until(what: Awaited): Promise<string> {
    const isThere = (): boolean => isMet(what, this.received);
    await this.when(() => isThere() || this.hasEnded || this.isClosed, String(what));
    if (isThere()) return this.received;
    throw new ConnectionEnded(`the connection ended (${this.error ?? "in good order"}) before ${String(what)} came: ${this.shown()}`);
  }

  /** Waits until the other side has sent its FIN or the connection is closed. Resolves with everything received. */
  async untilEnded(): Promise<string> {
    await this.when(() => this.hasEnded || this.isClosed, "the end");
    return this.received;
  }

  /** Waits until the connection is closed. Resolves with everything received. */
  async untilClosed(): Promise<string> {
    await this.when(() => this.isClosed, "the close");
    return this.received;
  }

  /** Waits until the other side had room for everything that was sent, or the connection is closed. */
  async untilSent(): Promise<void> {
    if (this.#transport !== null) await this.when(() => this.isClosed || (this.isConnected && this.queuedBytes === 0), "place to send");
  }

  /** @param what names the condition in the message of a wait in vain */
  private async when(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        cancel();
        this.waiting.delete(check);
        resolve();
      };
      const cancel = untilClockStandsStill(this.#clock, () => {
        this.waiting.delete(check);
        reject(new Error(`waited in vain for ${what}, and the proxy's time stands still (advance). Received: ${this.shown()}`));
      });
      this.waiting.add(check);
    });
  }

  private shown(): string {
    return JSON.stringify(this.received.slice(-500));
  }

  private checkWaits(): void {
    for (const check of this.waiting) check();
  }

  // ---- called by the transport, as its TransportReader and TransportWriter --------------------------------------------------------------------------------------

  /** @internal Some bytes have been read. */
  onRead(buffer: Buffer, count: number): void {
    if (this.onData !== null) return this.onData(buffer.subarray(0, count));
    this.chunks.push(buffer.toString("latin1", 0, count));
    this.checkWaits();
  }

  /** @internal The other side has sent its FIN. */
  onEnd(): void {
    this.hasEnded = true;
    this.onEnded?.();
    this.checkWaits();
  }

  /** @internal The connection is closed. */
  onClosed(code: string | null): void {
    this.isClosed = true;
    this.error = code;
    this.onGone?.();
    this.onEnded?.();
    this.checkWaits();
  }

  /** @internal Everything given to `write` has been taken. */
  onWritten(): void {
    this.checkWaits();
  }

  /** @internal The other side has reset the connection. Bytes that it sent before have been read already. */
  onWriteFailed(): void {
    this.#transport?.destroy("EPIPE");
  }
}

function isMet(what: Awaited, received: string): boolean {
  if (typeof what === "string") return received.includes(what);
  return typeof what === "function" ? what(received) : what.test(received);
}
