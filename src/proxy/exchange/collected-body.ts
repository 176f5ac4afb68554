/** The body of a request that a middleware wants as a whole before it decides. It is kept, and sent to whoever gets the request. */
import type { Buffer } from "node:buffer";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

export class CollectedBody {
  /** The whole body; null: it is larger than was asked for, the process has no memory for it, or the request will not be completed. */
  readonly whole: Promise<Buffer | null>;
  /** More of it is wanted. */
  isOpen: boolean = true;
  private readonly thread: ExchangeThread;
  private readonly bytesMax: number;
  private settle: (whole: Buffer | null) => void = () => {};
  private readonly gathered: GatheredBytes = new GatheredBytes();
  private taken: number = 0;

  constructor(thread: ExchangeThread, bytesMax: number) {
    this.thread = thread;
    this.bytesMax = bytesMax;
    this.whole = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Keeps a copy. What is too much is kept as well, for it has come and must go on, but nothing is wanted after it. */
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

  /** It is known to be too large before any of it has come. */
  refuse(): void {
    this.close(null);
  }

  /** Hands on all that has come, as often as it is sent. */
  sendTo(out: BodySink): void {
    const { bytes } = this.gathered;
    // A view of its own that begins with the bytes: whoever takes it may write over what lies before.
    if (bytes.length > 0) out.data(bytes, 0, bytes.length);
  }

  /** The exchange is over. */
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
