import { Buffer } from "node:buffer";
import { OutgoingMessage } from "node:http";
import type { ProxyRequest } from "../options/options.ts";
import type { Target } from "../options/target.ts";

/** The request that is about to be sent, as listeners see and change it. */
export class SentRequest extends OutgoingMessage implements ProxyRequest {
  method: string;
  path: string;
  readonly protocol: string;
  readonly host: string;
  /** Where the request goes. */
  readonly target: URL;
  aborted: boolean = false;
  /** What `destroy` was called with. */
  reason: Error | null = null;
  /** What `write` and `end` were given: the body, or what comes before the client's. */
  readonly written: Buffer[] = [];

  constructor({ url }: Target, method: string, path: string) {
    super();
    this.target = url;
    this.protocol = url.protocol;
    this.host = url.hostname;
    this.method = method;
    this.path = path;
  }

  /** Adds to the body. Comes before what is left of the client's. */
  override write(chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean {
    const [encoding] = rest;
    const isEncoding = typeof encoding === "string" && Buffer.isEncoding(encoding);
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, isEncoding ? encoding : "utf8") : Buffer.from(chunk);
    if (bytes.length > 0) this.written.push(bytes);
    const done = rest.find((each) => typeof each === "function");
    if (done !== undefined) queueMicrotask(() => Reflect.apply(done, null, []));
    return true;
  }

  /** Adds to the body, which needs no end: what is left of the client's comes after it. */
  override end(...given: readonly unknown[]): this {
    const [chunk, ...rest] = given;
    if (typeof chunk === "string" || chunk instanceof Uint8Array) this.write(chunk, ...rest);
    else {
      const done = given.find((each) => typeof each === "function");
      if (done !== undefined) queueMicrotask(() => Reflect.apply(done, null, []));
    }
    return this;
  }

  /** Gives the request up. With a reason the event `error` follows. */
  override destroy(error?: Error): this {
    this.aborted = true;
    this.reason ??= error ?? null;
    return this;
  }

  /** Gives the request up. */
  abort(): void {
    this.destroy();
  }

  /** Does nothing: `proxyTimeout` is the limit. */
  override setTimeout(): this {
    return this;
  }

  /** Does nothing: the head leaves with the request. */
  override flushHeaders(): void {}
}
