import type { Buffer } from "node:buffer";
import process from "node:process";
import { ServerResponse } from "node:http";
import type { FieldPair } from "../../http/field-pairs.ts";
import type { HandedRequest } from "./handed-request.ts";
import type { ResponseStart } from "./proxy-response.ts";
import { spelledFields } from "./spelled-fields.ts";

/** Gets a response instead of a client. */
export interface ResponseReceiver {
  head(start: ResponseStart): void;
  /** Returns false when it wants no more for now; `CapturedResponse.goOn` follows. */
  data(bytes: Buffer): boolean;
  /** What has come is to leave now. */
  flush(): void;
  end(trailers: readonly FieldPair[]): void;
  /** The response breaks off. */
  cut(): void;
}

/** The response that the proxy is given in the place of the client's: whatever is sent goes to a receiver in the program. */
export class CapturedResponse extends ServerResponse {
  private readonly receiver: ResponseReceiver;
  private trailers: readonly FieldPair[] = [];
  private isClosed: boolean = false;

  constructor(request: HandedRequest, receiver: ResponseReceiver) {
    super(request);
    this.receiver = receiver;
  }

  override writeHead(status: number, reason?: unknown): this {
    this.receiver.head({ status, reason: typeof reason === "string" ? reason : "", fields: spelledFields(this) });
    return this;
  }

  override write(bytes: Buffer): boolean {
    return this.receiver.data(bytes);
  }

  override flushHeaders(): void {
    this.receiver.flush();
  }

  override addTrailers(trailers: NonNullable<Parameters<ServerResponse["addTrailers"]>[0]>): void {
    const pairs: readonly (readonly [string, string])[] = Array.isArray(trailers) ? trailers : Object.entries(trailers);
    this.trailers = pairs.map(([name, value]): FieldPair => [name, value]);
  }

  override end(): this {
    this.finished = true;
    this.receiver.end(this.trailers);
    return this;
  }

  override destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    if (!this.finished) this.receiver.cut();
    this.close();
    return this;
  }

  // Interim responses end here, as they do with node:http.
  override writeContinue(): void {}
  override writeProcessing(): void {}
  override writeEarlyHints(): void {}
  override writeInformation(): void {}

  /** The receiver wants more. */
  goOn(): void {
    this.emit("drain");
  }

  /** The receiver has all, or wants no more. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.destroyed = true;
    // Not within a call of the proxy's, which is in the middle of what it does.
    process.nextTick(() => this.emit("close"));
  }
}
