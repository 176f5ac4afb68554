import type { Buffer } from "node:buffer";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { FieldPair } from "../../http/field-pairs.ts";
import { distinctFields, joinedFields } from "./joined-fields.ts";
import type { SentRequest } from "./sent-request.ts";

/** The head of a response. */
export interface ResponseStart {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly FieldPair[];
}

/**
 * The response of a target, for listeners of `proxyRes`: one of Node's messages, with `headers` that may be changed, and a body that is read
 * as always. Fields about the connection have ended at the proxy and are not among the headers.
 */
export class ProxyResponse extends IncomingMessage {
  /** The request that was sent. */
  readonly req: SentRequest;
  private readonly onWanted: () => void;

  /** @param onWanted called when more of the body is wanted */
  constructor({ status, reason, fields }: ResponseStart, request: SentRequest, onWanted: () => void) {
    // Node's messages have a socket. This one is never opened.
    super(new Socket());
    this.req = request;
    this.onWanted = onWanted;
    this.httpVersion = "1.1";
    [this.httpVersionMajor, this.httpVersionMinor] = [1, 1];
    this.statusCode = status;
    this.statusMessage = reason;
    const kept = fields.filter(([name]) => !CONNECTION.test(name));
    this.rawHeaders = kept.flat();
    this.headers = joinedFields(kept);
    this.headersDistinct = distinctFields(kept);
  }

  override _read(): void {
    this.onWanted();
  }

  /** Gives bytes of the body to whoever reads. Returns false if that is more than is wanted for now. */
  add(bytes: Buffer): boolean {
    return this.destroyed || this.push(bytes);
  }

  /** The body is complete. */
  finish(trailers: readonly FieldPair[]): void {
    this.rawTrailers = trailers.flat();
    this.trailersDistinct = distinctFields(trailers);
    this.trailers = Object.fromEntries(trailers.map(([name, value]) => [name.toLowerCase(), value]));
    this.complete = true;
    this.push(null);
  }

  /** The body breaks off. */
  breakOff(error: Error): void {
    if (this.destroyed) return;
    this.emit("aborted");
    this.destroy(this.listenerCount("error") > 0 ? error : undefined);
  }
}

const CONNECTION = /^(?:connection|transfer-encoding|keep-alive|trailer)$/i;
