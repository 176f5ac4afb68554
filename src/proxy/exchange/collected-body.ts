/**
 * The whole body of a request, collected for a middleware (`ExchangeView.collectBody`). It is kept and sent to the endpoint or source
 * afterwards.
 */
import type { Buffer } from "node:buffer";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

export class CollectedBody {
  private readonly thread: ExchangeThread;
  private readonly gathered: GatheredBytes = new GatheredBytes();
  /** The calls of `ask` that wait for the whole body. */
  private waiting: Waiting[] = [];
  private whole: Buffer | null = null;
  /** No more will be collected: no memory is left, or the exchange is over. */
  private isClosed: boolean = false;
  /** Bytes reserved by `takeMemory`. */
  private taken: number = 0;

  constructor(thread: ExchangeThread) {
    this.thread = thread;
  }

  /** More bytes are wanted. */
  get isOpen(): boolean {
    return this.waiting.length > 0;
  }

  /**
   * Resolves to the whole body; null: it is larger than `bytesMax`, the process has no memory left for it, or the request is incomplete.
   * Several callers are each judged by their own limit.
   */
  ask(bytesMax: number): Promise<Buffer | null> {
    if (this.isClosed || this.gathered.size > bytesMax) return Promise.resolve(null);
    if (this.whole !== null) return Promise.resolve(this.whole);
    return new Promise((resolve) => this.waiting.push({ bytesMax, resolve }));
  }

  /** Adds a copy of the bytes. Bytes beyond the limit are kept too, because they must still be sent on, but then no more are wanted. */
  add(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.gathered.add(bytes, start, end);
    if (!this.thread.takeMemory(length)) return this.close();
    this.taken += length;
    const { size } = this.gathered;
    for (const { bytesMax, resolve } of this.waiting) if (size > bytesMax) resolve(null);
    this.waiting = this.waiting.filter(({ bytesMax }) => size <= bytesMax);
  }

  /** The body is complete. */
  end(): void {
    this.whole = this.gathered.bytes;
    for (const { resolve } of this.waiting) resolve(this.whole);
    this.waiting = [];
  }

  /** Sends all bytes collected so far; called once for each attempt. */
  sendTo(out: BodySink): void {
    const { bytes } = this.gathered;
    // `bytes` is a new view, because the receiver may write over the bytes before a slice (ports/body-sink.ts).
    if (bytes.length > 0) out.data(bytes, 0, bytes.length);
  }

  /** The body will not be sent again: frees the memory. */
  letGo(): void {
    this.close();
    this.thread.giveMemory(this.taken);
    this.taken = 0;
    this.whole = null;
    this.gathered.letGo();
  }

  private close(): void {
    this.isClosed = true;
    for (const { resolve } of this.waiting) resolve(null);
    this.waiting = [];
  }
}

interface Waiting {
  readonly bytesMax: number;
  readonly resolve: (whole: Buffer | null) => void;
}
