/**
 * The whole body of a request, collected for a middleware (`ExchangeView.collectBody`). It is kept and sent to the endpoint or source
 * afterwards.
 */
import type { Buffer } from "node:buffer";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

export class CollectedBody {
  /**
   * Resolves to the whole body; null: it is larger than `bytesMax`, the process has no memory left for it, or the request is incomplete.
   */
  readonly whole: Promise<Buffer | null>;
  /** More bytes are wanted. */
  isOpen: boolean = true;
  private readonly thread: ExchangeThread;
  private readonly bytesMax: number;
  private settle: (whole: Buffer | null) => void = () => {};
  private readonly gathered: GatheredBytes = new GatheredBytes();
  /** Bytes reserved by `takeMemory`. */
  private taken: number = 0;

  constructor(thread: ExchangeThread, bytesMax: number) {
    this.thread = thread;
    this.bytesMax = bytesMax;
    this.whole = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Adds a copy of the bytes. Bytes beyond the limit are kept too, because they must still be sent on, but then no more are wanted. */
  add(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.gathered.add(bytes, start, end);
    if (this.gathered.size > this.bytesMax) return this.close(null);
    if (this.thread.takeMemory(length)) this.taken += length;
    else this.close(null);
  }

  /** The body is complete. */
  end(): void {
    if (this.isOpen) this.close(this.gathered.bytes);
  }

  /** The body's length is known to exceed the limit. */
  refuse(): void {
    this.close(null);
  }

  /** Sends all bytes collected so far; called once for each attempt. */
  sendTo(out: BodySink): void {
    const { bytes } = this.gathered;
    // `bytes` is a new view, because the receiver may write over the bytes before a slice (ports/body-sink.ts).
    if (bytes.length > 0) out.data(bytes, 0, bytes.length);
  }

  /** The exchange is over: frees the memory. */
  letGo(): void {
    this.close(null);
    this.thread.giveMemory(this.taken);
    this.gathered.letGo();
  }

  private close(whole: Buffer | null): void {
    this.isOpen = false;
    this.settle(whole);
  }
}
