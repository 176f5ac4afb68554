import type { Buffer } from "node:buffer";
import type { Http2ServerResponse } from "node:http2";
import type { FieldPair } from "../http/field-pairs.ts";
import type { HostedResponse, HostedResponseEvents } from "./hosted-message.ts";
import { grouped, setFields } from "./node-messages.ts";

/** INTERNAL_ERROR of HTTP/2 (RFC 9113 section 7). */
const INTERNAL_ERROR = 2;

/** A response of the compatibility API of Node's http2. */
export class Http2Response implements HostedResponse {
  readonly isHttp1: boolean = false;
  readonly sendsTrailers: boolean = true;
  readonly isBehindAnother: boolean = false;
  private readonly response: Http2ServerResponse;
  private hasBegun: boolean = false;

  constructor(response: Http2ServerResponse) {
    this.response = response;
  }

  get isOurs(): boolean {
    const { response } = this;
    return !response.writableEnded && !response.stream.destroyed && (this.hasBegun || !response.headersSent);
  }

  get queuedBytes(): number {
    return this.response.stream.writableLength;
  }

  start(events: HostedResponseEvents): void {
    const { response } = this;
    response.stream.on("error", () => {});
    response.on("drain", () => events.responseTaken());
    response.on("close", () => events.responseClosed(false));
  }

  interim(status: number, fields: readonly FieldPair[]): void {
    const { stream } = this.response;
    // Node has sent a 100 (Continue) already unless its program has a listener for `checkContinue`.
    if (!this.hasBegun && !stream.destroyed)
      stream.additionalHeaders({ ...Object.fromEntries(grouped(joined(fields))), ":status": status });
  }

  /** Sends the head at once. */
  head(status: number, _reason: string, fields: readonly FieldPair[]): void {
    const { response } = this;
    this.hasBegun = true;
    response.sendDate = false;
    setFields(response, joined(fields));
    response.writeHead(status);
  }

  write(bytes: Buffer): boolean {
    return this.response.write(bytes);
  }

  flush(): void {}

  end(trailers: readonly FieldPair[]): void {
    if (!this.isOurs) return;
    if (trailers.length > 0) this.response.addTrailers(Object.fromEntries(grouped(joined(trailers))));
    this.response.end();
  }

  cut(): void {
    this.reset();
  }

  reset(): void {
    this.response.stream.close(INTERNAL_ERROR);
  }
}

/** Fields whose lines stay apart: they cannot be joined, or many clients cannot read what is joined (RFC 9110 sections 5.3 and 11.6.1). */
const APART: readonly string[] = ["set-cookie", "www-authenticate", "proxy-authenticate"];

/**
 * The fields with one line for each name, as RFC 9110 section 5.3 allows. Of some names Node's http2 throws an error for a second line, of which
 * an endpoint may send any number.
 */
function joined(fields: readonly FieldPair[]): readonly FieldPair[] {
  return grouped(fields).flatMap(([name, value]): FieldPair[] => {
    if (typeof value === "string") return [[name, value]];
    return APART.includes(name.toLowerCase()) ? value.map((each): FieldPair => [name, each]) : [[name, value.join(", ")]];
  });
}
