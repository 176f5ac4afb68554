/**
 * A request's body and a response of the host program, for callers that must not be stopped in the middle of what they do. Node's methods throw for
 * what they refuse, and frameworks put methods of their own in the place of Node's. What is thrown there would be an uncaught error of the
 * whole program, and would leave an exchange behind that never ends. Here it is told once, and after it nothing more is asked of the object.
 */
import type { Buffer } from "node:buffer";
import type { FieldPair } from "../http/field-pairs.ts";
import type { HostedBody, HostedBodyReader, HostedResponse, HostedResponseEvents } from "./hosted-message.ts";

/** Told what was thrown, from within the call that failed: it must not call back at once. */
export type OnThrown = (reason: unknown) => void;

class Guard {
  isBroken: boolean = false;
  private readonly onThrown: OnThrown;

  constructor(onThrown: OnThrown) {
    this.onThrown = onThrown;
  }

  /** What the call returns; `otherwise` if it throws, or if one before has thrown. */
  call<T>(otherwise: T, call: () => T): T {
    if (this.isBroken) return otherwise;
    try {
      return call();
    } catch (reason) {
      this.isBroken = true;
      this.onThrown(reason);
      return otherwise;
    }
  }
}

export class GuardedBody implements HostedBody {
  private readonly body: HostedBody;
  private readonly guard: Guard;

  constructor(body: HostedBody, onThrown: OnThrown) {
    this.body = body;
    this.guard = new Guard(onThrown);
  }

  /** Throws what the program's object throws: nothing has begun that could be left behind. */
  start(reader: HostedBodyReader): void {
    this.body.start(reader);
  }

  resume(): void {
    this.guard.call(undefined, () => this.body.resume());
  }

  pause(): void {
    this.guard.call(undefined, () => this.body.pause());
  }

  discard(): boolean {
    return this.guard.call(false, () => this.body.discard());
  }

  close(): void {
    this.guard.call(undefined, () => this.body.close());
  }
}

export class GuardedResponse implements HostedResponse {
  readonly isHttp1: boolean;
  readonly sendsTrailers: boolean;
  private readonly response: HostedResponse;
  private readonly guard: Guard;

  constructor(response: HostedResponse, onThrown: OnThrown) {
    this.response = response;
    this.isHttp1 = response.isHttp1;
    this.sendsTrailers = response.sendsTrailers;
    this.guard = new Guard(onThrown);
  }

  get isOurs(): boolean {
    return this.guard.call(false, () => this.response.isOurs);
  }

  get queuedBytes(): number {
    return this.guard.call(0, () => this.response.queuedBytes);
  }

  get isBehindAnother(): boolean {
    return this.guard.call(false, () => this.response.isBehindAnother);
  }

  /** Throws as `GuardedBody.start`. */
  start(events: HostedResponseEvents): void {
    this.response.start(events);
  }

  interim(status: number, fields: readonly FieldPair[]): void {
    this.guard.call(undefined, () => this.response.interim(status, fields));
  }

  head(status: number, reason: string, fields: readonly FieldPair[]): void {
    this.guard.call(undefined, () => this.response.head(status, reason, fields));
  }

  write(bytes: Buffer): boolean {
    return this.guard.call(true, () => this.response.write(bytes));
  }

  flush(): void {
    this.guard.call(undefined, () => this.response.flush());
  }

  end(trailers: readonly FieldPair[]): void {
    this.guard.call(undefined, () => this.response.end(trailers));
  }

  cut(): void {
    this.guard.call(undefined, () => this.response.cut());
  }

  /** Also after something was thrown: the client must not wait for the rest of the response. */
  reset(): void {
    try {
      this.response.reset();
    } catch (reason) {
      this.guard.call(undefined, () => {
        throw reason;
      });
    }
  }
}
