/**
 * The body of a request, kept in memory: all of it, collected before an endpoint or a source gets it, for a middleware
 * (`ExchangeView.collectBody`) or because the route holds slow bodies (`buffer.request`); or as much as has come, because the request may have
 * to be sent again (`retry.replay`). It is sent with every attempt at an endpoint or source.
 */
import { Buffer } from "node:buffer";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { KeptBody } from "./kept-body.ts";

export class CollectedBody {
  private readonly kept: KeptBody;
  /** Who waits for the whole body. */
  private waiting: readonly Waiting[] = [];
  private whole: Buffer | null = null;
  /** No more will be collected: no memory is left, or the exchange is over. */
  private isClosed: boolean = false;

  constructor(thread: ExchangeThread) {
    this.kept = new KeptBody(thread);
  }

  /** More bytes are wanted. */
  get isOpen(): boolean {
    return this.waiting.length > 0;
  }

  /** The length of the body if all of it is here; null: it is not. */
  get wholeLength(): number | null {
    return this.whole?.length ?? null;
  }

  /**
   * Resolves to the whole body; null: it is larger than `bytesMax`, the process has no memory left for it, or the request is incomplete.
   * Several callers are each judged by their own limit.
   */
  ask(bytesMax: number): Promise<Buffer | null> {
    return new Promise((resolve) => this.wait(bytesMax, resolve));
  }

  /** As `ask`, with a callback, which may be called at once. */
  wait(bytesMax: number, resolve: (whole: Buffer | null) => void): void {
    if (this.isClosed || this.kept.size > bytesMax) resolve(null);
    else if (this.whole !== null) resolve(this.whole);
    else this.waiting = [...this.waiting, { bytesMax, resolve }];
  }

  /** Adds a copy of the bytes. Bytes beyond the limit are kept too, because they must still be sent on, but then no more are wanted. */
  add(bytes: Buffer, start: number, end: number): void {
    if (!this.kept.add(bytes, start, end)) return this.close();
    const { size } = this.kept;
    this.resolve(null, ({ bytesMax }) => size > bytesMax);
  }

  get size(): number {
    return this.kept.size;
  }

  /**
   * Adds a copy of a text in latin1 and of bytes after it, for further attempts. Returns false if the process has no memory left for them; then
   * nothing may be sent again.
   */
  keep(text: string, bytes: Buffer, start: number, end: number): boolean {
    if (this.isClosed) return false;
    return this.kept.add(Buffer.from(text, "latin1"), 0, text.length) && this.kept.add(bytes, start, end);
  }

  /** The body is complete. */
  end(): void {
    this.whole = this.kept.bytes;
    this.resolve(this.whole, () => true);
  }

  /** How much memory the body takes beyond what the process has for such bodies. */
  get unreserved(): number {
    return this.kept.unreserved;
  }

  /** Sends all bytes collected so far; called once for each attempt. */
  sendTo(out: BodySink): void {
    this.kept.sendTo(out);
  }

  /** The body will not be sent again: frees the memory. */
  letGo(): void {
    this.whole = null;
    this.kept.letGo();
    this.close();
  }

  private close(): void {
    this.isClosed = true;
    this.resolve(null, () => true);
  }

  /** Callers that have been answered are forgotten before they are called, because a call may lead to the end of the exchange. */
  private resolve(whole: Buffer | null, isAnswered: (waiting: Waiting) => boolean): void {
    const answered = this.waiting.filter(isAnswered);
    if (answered.length === 0) return;
    this.waiting = this.waiting.filter((waiting) => !isAnswered(waiting));
    for (const { resolve } of answered) resolve(whole);
  }
}

interface Waiting {
  readonly bytesMax: number;
  readonly resolve: (whole: Buffer | null) => void;
}
