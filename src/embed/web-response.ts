import type { Buffer } from "node:buffer";
import type { FieldPair } from "../http/field-pairs.ts";
import type { HostedResponse, HostedResponseEvents } from "./hosted-message.ts";

/** How many bytes wait for whoever reads the body before the endpoint's connection is no longer read. */
const QUEUED_BYTES_MAX = 64 * 1024;

/** The statuses with which the standard accepts no body (Fetch standard, "null body status"). */
const NO_BODY = [204, 205, 304];

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** How the promise of a response is settled. */
export interface Settling {
  resolve(response: Response): void;
  reject(reason: unknown): void;
}

/** A response of the web's standard. It is resolved when its head is there. */
export class WebResponse implements HostedResponse {
  readonly isHttp1: boolean = false;
  readonly sendsTrailers: boolean = false;
  readonly isBehindAnother: boolean = false;
  queuedBytes: number = 0;
  private readonly settling: Settling;
  private readonly isToHead: boolean;
  private events: HostedResponseEvents | null = null;
  private controller: Controller | null = null;
  /** Bytes that whoever reads the body has not asked for yet. */
  private readonly queue: Buffer[] = [];
  /** Whoever reads the body waits for the next bytes. */
  private isAsked: boolean = false;
  /** `write` has returned false. */
  private isFull: boolean = false;
  private isEnded: boolean = false;
  /** The error with which the body ends when all bytes are read; null: none. */
  private failure: Error | null = null;

  constructor(settling: Settling, isToHead: boolean) {
    this.settling = settling;
    this.isToHead = isToHead;
  }

  /** No: nobody else has it. */
  get isOurs(): boolean {
    return true;
  }

  start(events: HostedResponseEvents): void {
    this.events = events;
  }

  interim(): void {}

  head(status: number, reason: string, fields: readonly FieldPair[]): void {
    const headers = new Headers();
    for (const [name, value] of fields) headers.append(name, value);
    const body = this.isToHead || NO_BODY.includes(status) ? null : this.body();
    this.settling.resolve(new Response(body, { status, statusText: reason, headers }));
  }

  private body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.controller = controller),
        pull: () => this.onAsked(),
        cancel: () => this.onCancelled(),
      },
      // The stream itself holds nothing back, so that an error does not destroy what was written before.
      { highWaterMark: 0 },
    );
  }

  write(bytes: Buffer): boolean {
    if (this.controller === null) return true;
    this.queuedBytes += bytes.length;
    this.queue.push(bytes);
    if (this.isAsked) this.giveNext();
    this.isFull = this.queuedBytes >= QUEUED_BYTES_MAX;
    return !this.isFull;
  }

  flush(): void {}

  end(): void {
    this.isEnded = true;
    if (this.queue.length === 0) this.finish();
    // What is left lies in memory, for as long as the program keeps the response.
    this.closeSoon();
  }

  cut(): void {
    this.failure ??= new TypeError("the response is incomplete: its origin has failed");
    if (this.queue.length === 0) this.finish();
    this.closeSoon();
  }

  reset(): void {
    this.queue.length = 0;
    this.failure ??= new TypeError("the response is incomplete: it was given up");
    // If there was no head yet. Else this does nothing.
    this.settling.reject(this.failure);
    this.finish();
    this.closeSoon();
  }

  /** The program has aborted its request. */
  abort(reason: unknown): void {
    this.settling.reject(reason);
    this.queue.length = 0;
    this.failure = reason instanceof Error ? reason : new DOMException("the request was aborted", "AbortError");
    this.finish();
    this.events?.responseClosed(false);
  }

  private onAsked(): void {
    this.isAsked = true;
    if (this.queue.length > 0) this.giveNext();
    if (this.queue.length > 0) return;
    if (this.isEnded || this.failure !== null) return this.finish();
    if (!this.isFull) return;
    this.isFull = false;
    // Later, because whoever asks may be called by `write`.
    queueMicrotask(() => this.events?.responseTaken());
  }

  private onCancelled(): void {
    this.controller = null;
    this.queue.length = 0;
    this.events?.responseClosed(false);
  }

  private giveNext(): void {
    const bytes = this.queue.shift();
    if (bytes === undefined || this.controller === null) return;
    this.isAsked = false;
    this.queuedBytes -= bytes.length;
    this.controller.enqueue(bytes);
  }

  private finish(): void {
    const { controller, failure } = this;
    this.controller = null;
    if (failure !== null) controller?.error(failure);
    else controller?.close();
  }

  private closeSoon(): void {
    queueMicrotask(() => this.events?.responseClosed(false));
  }
}
