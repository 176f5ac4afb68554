import type { Buffer } from "node:buffer";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { FieldPair } from "../../http/field-pairs.ts";

/** What is handed over. */
export interface HandedParts {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly FieldPair[];
  /** The body, or what comes before the rest of it. */
  readonly first: readonly Buffer[];
  /** The request whose body is read after that; null: there is no more. */
  readonly rest: IncomingMessage | null;
}

/** The request that the proxy is given in the place of the client's: the same body, with the head that is to be sent. */
export class HandedRequest extends IncomingMessage {
  private readonly rest: IncomingMessage | null;
  private readonly first: Buffer[];
  private isReading: boolean = false;

  constructor({ method, path, fields, first, rest }: HandedParts) {
    // Node's messages have a socket. This one is never opened, and says nothing of the client: the fields do.
    super(new Socket());
    this.rest = rest;
    this.first = [...first];
    this.httpVersion = "1.1";
    [this.httpVersionMajor, this.httpVersionMinor] = [1, 1];
    this.method = method;
    this.url = path;
    this.rawHeaders = fields.flat();
  }

  override _read(): void {
    const next = this.first.shift();
    if (next !== undefined) this.push(next);
    else if (this.rest === null) this.finish([]);
    else this.readOn(this.rest);
  }

  private readOn(rest: IncomingMessage): void {
    if (this.isReading) return void rest.resume();
    this.isReading = true;
    rest.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) rest.pause();
    });
    rest.on("end", () => this.finish(rest.rawTrailers));
    // Whoever waits for the response learns that the client is gone.
    rest.on("error", () => {});
    if (rest.readableEnded) this.finish(rest.rawTrailers);
    else rest.resume();
  }

  private finish(trailers: string[]): void {
    if (this.complete) return;
    this.rawTrailers = trailers;
    this.complete = true;
    this.push(null);
  }
}
