/** Makes a response source look like a connection to an endpoint, so that an exchange treats both alike. Checks what the source does. */
import type { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import { isBodyLength } from "../../http/body-length.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { mayHaveBody } from "../../http/status.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import { NO_INPUT } from "../feature/response-source.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../feature/response-source.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";
import type { ByteDuplex } from "../ports/tunnel.ts";
import type { ResponseSink, UpstreamStream } from "../ports/upstream-stream.ts";

/** Milliseconds that a source may do nothing while the client takes more. */
export const SOURCE_MS_MAX = 60_000;

/** The exchange that the source answers. */
export interface SourceOwner extends ResponseSink {
  /** The source reads the request's body, so a client that waits for a 100 (Continue) should get it. */
  bodyWanted(): void;
  /** The source threw, broke the rules of {@link SourceResponse}, or was silent too long. */
  sourceFailed(from: SourceStream, error: unknown): void;
}

export class SourceStream extends Timed implements UpstreamStream {
  private readonly source: ResponseSource;
  private readonly owner: SourceOwner;
  private readonly thread: ExchangeThread;
  private readonly bodyIsWhole: boolean;
  private input: SourceInput = NO_INPUT;
  private isOver: boolean = false;
  /** The exchange has ended, and the source has not called `end` since. */
  private isGivenUp: boolean = false;
  private responded: boolean = false;
  /** The response has no body: bytes written are dropped. */
  private bodiless: boolean = false;
  /** The request's method is HEAD. */
  private toHead: boolean = false;
  private length: BodyLength = -1;
  private written: number = 0;
  /** The client takes no more for now. */
  private paused: boolean = false;
  /** The source's `flush` returned false. */
  private inputBlocked: boolean = false;

  /** @param bodyIsWhole false: a part of the request's body was sent to an endpoint and not kept, so the source gets nothing of the body */
  constructor(source: ResponseSource, owner: SourceOwner, thread: ExchangeThread, bodyIsWhole: boolean) {
    super();
    this.bodyIsWhole = bodyIsWhole;
    this.source = source;
    this.owner = owner;
    this.thread = thread;
  }

  // ---- UpstreamStream -----------------------------------------------------------------------------------------------------

  send(request: OutgoingRequest): void {
    this.toHead = request.request.method === "HEAD";
    this.watch();
    this.attempt(() => {
      this.input = this.source.start(request, this.response());
      const { input } = this;
      // The source may have answered within `start`. If the exchange ended within `start`, there was no `input` yet to be told.
      if (this.isGivenUp) this.tellAbort();
      if (this.isOver) return;
      if (input.data !== undefined && this.bodyIsWhole) this.owner.bodyWanted();
    });
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.watch();
    if (this.bodyIsWhole) this.attempt(() => this.input.data?.(bytes, start, end));
  }

  end(trailers: FieldSection | null): void {
    this.watch();
    if (this.bodyIsWhole) this.attempt(() => this.input.end?.(trailers));
  }

  flush(): boolean {
    this.attempt(() => {
      this.inputBlocked = this.input.flush?.() === false;
    });
    return this.isOver || !this.inputBlocked;
  }

  pauseResponse(): void {
    this.paused = true;
    this.thread.deadlines.cancel(this);
  }

  resumeResponse(): void {
    if (!this.paused || this.isOver) return;
    this.paused = false;
    this.watch();
    this.attempt(() => this.input.writable?.());
    this.flushResponse();
  }

  abort(): void {
    if (this.isOver) return;
    this.close();
    this.isGivenUp = true;
    this.tellAbort();
  }

  private tellAbort(): void {
    try {
      this.input.abort?.();
    } catch {
      // The exchange is over anyway.
    }
  }

  enterTunnel(): ByteDuplex {
    throw new Error("a source switches no protocols");
  }

  onDeadline(): void {
    this.fail(new Error(`a response source was silent for ${SOURCE_MS_MAX / 1000} s`));
  }

  // ---- SourceResponse -----------------------------------------------------------------------------------------------

  private response(): SourceResponse {
    return {
      respond: (head, length) => {
        // The source may call from a promise or a callback, long after the last event for which the clock was read.
        this.thread.tick();
        this.respond(head, length);
      },
      write: (bytes) => this.write(bytes),
      flush: () => this.flushResponse(),
      end: (trailers) => {
        this.thread.tick();
        this.endResponse(trailers);
      },
      fail: (error) => {
        this.thread.tick();
        this.fail(error);
      },
      resume: () => {
        if (!this.inputBlocked || this.isOver) return;
        this.inputBlocked = false;
        this.owner.upstreamUnblocked(this);
      },
    };
  }

  private respond(head: ResponseHead, length: BodyLength): void {
    if (this.isOver) return;
    if (this.responded) return this.fail(new Error("a response source responds twice"));
    if (head.status < 200) return this.fail(new Error(`a response source responds with ${head.status}, which is not final`));
    if (!isBodyLength(length)) return this.fail(new RangeError(`a response source cannot have the length ${length}`));
    this.responded = true;
    this.length = length;
    this.bodiless = this.toHead || !mayHaveBody(head.status);
    this.watch();
    this.owner.responseHead(this, head, length);
  }

  private write(bytes: Buffer): void {
    if (this.isOver || bytes.length === 0) return;
    if (!this.responded) return this.fail(new Error("a response source writes before it responds"));
    this.written += bytes.length;
    if (this.bodiless) return;
    if (this.length >= 0 && this.written > this.length) {
      return this.fail(new Error(`a response source writes more than the ${this.length} bytes that it said`));
    }
    this.watch();
    // A new view, because the receiver may write over the bytes before a slice (ports/body-sink.ts).
    this.owner.responseData(this, bytes.subarray(0), 0, bytes.length);
  }

  private flushResponse(): boolean {
    if (!this.isOver && this.responded) this.owner.responseFlush(this);
    return !this.paused;
  }

  private endResponse(trailers: FieldSection | null): void {
    if (this.isOver) {
      this.isGivenUp = false;
      return;
    }
    if (!this.responded) return this.fail(new Error("a response source ends before it responds"));
    if (!this.bodiless && this.length >= 0 && this.written < this.length) {
      return this.fail(new Error(`a response source writes ${this.written} bytes instead of the ${this.length} that it said`));
    }
    this.close();
    this.owner.responseEnd(this, trailers);
  }

  private fail(error: unknown): void {
    if (this.isOver) return;
    this.abort();
    this.owner.sourceFailed(this, error);
  }

  private watch(): void {
    if (!this.isOver && !this.paused) this.thread.deadlines.set(this, this.thread.now + SOURCE_MS_MAX);
  }

  private close(): void {
    this.isOver = true;
    this.thread.deadlines.remove(this);
  }

  private attempt(act: () => void): void {
    if (this.isOver) return;
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }
}
