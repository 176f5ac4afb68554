/**
 * Holds a response back, head and body, until the whole body has come and a hook has judged it (`ResponseHold`). The client gets either all of it or
 * an answer of the proxy's own. A body that is too large to hold, or for which no memory is left, goes on as it comes.
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { ResponseHold } from "../feature/response-hold.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { KeptBody } from "./kept-body.ts";

/** The exchange whose response is held. */
export interface HoldOwner {
  /** The response goes on: with what has come of its body, and then with what comes. */
  holdReleased(held: HeldResponse): void;
  /** It does not, and the client gets this. */
  holdAnswered(held: HeldResponse, answer: LocalAnswer): void;
  /** The whole response goes on. */
  holdEnded(held: HeldResponse, trailers: FieldSection | null): void;
  /** The hook threw. */
  holdFailed(held: HeldResponse, error: unknown): void;
}

export class HeldResponse implements BodySink {
  readonly head: ResponseHead;
  readonly length: BodyLength;
  /** Whose hook wants to judge. */
  readonly middleware: string;
  private readonly hold: ResponseHold;
  private readonly owner: HoldOwner;
  private readonly kept: KeptBody;
  private isOver: boolean = false;

  constructor(hold: ResponseHold, middleware: string, head: ResponseHead, length: BodyLength, owner: HoldOwner, thread: ExchangeThread) {
    this.hold = hold;
    this.middleware = middleware;
    // The reader of the endpoint's connection may be at another response before this one goes on.
    this.head = head.detach();
    this.length = length;
    this.owner = owner;
    this.kept = new KeptBody(thread);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    const hasMemory = this.kept.add(bytes, start, end);
    const isTooLarge = this.kept.size > this.hold.bytesMax;
    if (hasMemory && !isTooLarge) return;
    this.judged(isTooLarge ? "size" : "memory", () => this.owner.holdReleased(this));
  }

  end(trailers: FieldSection | null): void {
    if (!this.isOver) this.judged(this.kept.bytes, () => this.owner.holdEnded(this, trailers));
  }

  /** The sender need not wait: what it sends is kept, or goes on. */
  flush(): boolean {
    return true;
  }

  /** How many bytes are held. */
  get size(): number {
    return this.kept.size;
  }

  /** Passes on what has come, and frees its memory. */
  sendTo(out: BodySink): void {
    this.kept.sendTo(out);
    this.kept.letGo();
  }

  abort(): void {
    this.isOver = true;
    this.kept.letGo();
  }

  private judged(body: Buffer | "size" | "memory", then: () => void): void {
    this.isOver = true;
    let answer: LocalAnswer | null;
    try {
      answer = this.hold.judge(body);
    } catch (error) {
      return this.owner.holdFailed(this, error);
    }
    if (answer === null) then();
    else this.owner.holdAnswered(this, answer);
    this.kept.letGo();
  }
}
