/** Strict reader of the responses on one connection, in the order of their requests. */
import type { Buffer } from "node:buffer";
import { BodyReader } from "./body-reader.ts";

/** Takes one response. */
export interface Receiver {
  readonly toHead: boolean;
  interim(status: number): void;
  head(status: number, fields: ReadonlyMap<string, string>): void;
  body(piece: Buffer): void;
  whole(trailers: readonly string[]): void;
}

/** A head of what a client can expect here is far smaller. */
const HEAD_CHARS_MAX = 64 * 1024;

export class ResponseReader {
  /** The body ends with the connection. */
  private untilClose: boolean = false;
  private readonly front: () => Receiver | null;
  private text: string = "";
  private body: BodyReader | null = null;

  /** @param front who takes the response that is being read; null: nobody has asked for one */
  constructor(front: () => Receiver | null) {
    this.front = front;
  }

  /** Null, or what is wrong with `bytes`. */
  read(bytes: Buffer): string | null {
    let rest = bytes;
    while (rest.length > 0) {
      const receiver = this.front();
      if (receiver === null) return `${rest.length} bytes that nobody asked for: ${JSON.stringify(rest.toString("latin1", 0, 80))}`;
      if (this.body === null) {
        const before = this.text.length;
        this.text += rest.toString("latin1");
        const end = this.text.indexOf("\r\n\r\n");
        if (end < 0) return this.text.length > HEAD_CHARS_MAX ? "an endless head" : null;
        const head = this.text.slice(0, end);
        rest = rest.subarray(end + 4 - before);
        this.text = "";
        const problem = this.readHead(head, receiver);
        if (problem !== null) return problem;
      } else {
        const used = this.body.read(rest, (piece) => receiver.body(piece));
        if (used === "malformed") return "a malformed body";
        rest = rest.subarray(used);
      }
      this.endBody(receiver);
    }
    return null;
  }

  /** FIN: for some bodies the end. */
  end(): void {
    if (!this.untilClose) return;
    this.untilClose = false;
    this.body = null;
    this.front()?.whole([]);
  }

  private readHead(head: string, receiver: Receiver): string | null {
    const [startLine = "", ...lines] = head.split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) [ -~]*$/.exec(startLine)?.[1] ?? 0);
    if (status === 0) return `a malformed status line: ${JSON.stringify(startLine.slice(0, 80))}`;
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(": ");
      if (colon <= 0 || /[^\t -~]/.test(line)) return `a malformed field line: ${JSON.stringify(line.slice(0, 80))}`;
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
    if (status < 200) {
      receiver.interim(status);
      return null;
    }
    const length = fields.get("content-length");
    const chunked = fields.get("transfer-encoding") === "chunked";
    if (chunked && length !== undefined) return "both Content-Length and Transfer-Encoding";
    const bodiless = receiver.toHead || status === 204 || status === 304;
    this.untilClose = !bodiless && !chunked && length === undefined;
    this.body = new BodyReader(bodiless ? 0 : chunked ? "chunked" : length === undefined ? Infinity : Number(length));
    receiver.head(status, fields);
    return null;
  }

  private endBody(receiver: Receiver): void {
    const { body } = this;
    if (body?.ended !== true) return;
    this.body = null;
    receiver.whole(body.trailers);
  }
}
