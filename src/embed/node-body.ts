import { Buffer } from "node:buffer";
import { addFields } from "../http/build-head.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import { FieldSection } from "../http/field-section.ts";
import type { HostedBody, HostedBodyReader } from "./hosted-message.ts";
import { isHttp2 } from "./node-messages.ts";
import type { NodeRequest } from "./proxy-types.ts";

/** The body of a request of Node's, which nobody else has begun to read. */
export class NodeBody implements HostedBody {
  private readonly request: NodeRequest;
  private reader: HostedBodyReader | null = null;
  private isListening: boolean = false;
  private isFlowing: boolean = false;

  constructor(request: NodeRequest) {
    this.request = request;
  }

  start(reader: HostedBodyReader): void {
    this.reader = reader;
    // The response tells when the client is gone; without a listener Node would throw some of these errors.
    this.request.on("error", () => {});
  }

  resume(): void {
    if (this.isFlowing) return;
    this.isFlowing = true;
    this.listen();
    this.request.resume();
  }

  pause(): void {
    if (!this.isFlowing) return;
    this.isFlowing = false;
    this.request.pause();
  }

  discard(): boolean {
    const { request } = this;
    if (request.readableEnded || request.destroyed) return false;
    if (isHttp2(request)) {
      // After the whole response, which the client shall have (RFC 9113 section 8.1).
      request.stream.close();
      return false;
    }
    this.resume();
    return true;
  }

  close(): void {
    const { request } = this;
    this.reader = null;
    if (request.readableEnded || request.destroyed) return;
    if (isHttp2(request)) return request.stream.close();
    // A connection goes on only after the rest of a request that is short (net/refused-body.ts).
    request.resume();
  }

  private listen(): void {
    if (this.isListening) return;
    this.isListening = true;
    const { request } = this;
    request.on("data", (bytes: unknown) => this.onData(bytes));
    request.on("end", () => this.onEnd());
  }

  /** The program may have set an encoding, so that Node delivers text: the bytes that came cannot be told from it. */
  private onData(bytes: unknown): void {
    if (bytes instanceof Buffer) this.reader?.bodyRead(bytes);
    else this.reader?.bodyFailed();
  }

  private onEnd(): void {
    const { reader } = this;
    if (reader === null) return;
    try {
      reader.bodyEnded(trailersOf(this.request.rawTrailers));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      reader.bodyFailed();
    }
  }
}

function trailersOf(raw: readonly string[]): FieldSection | null {
  if (raw.length === 0) return null;
  const fields: FieldPair[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) fields.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  const section = new FieldSection();
  addFields(section, fields);
  return section;
}
