import { Buffer } from "node:buffer";
import type { BodyLength } from "../http/body-length.ts";
import { buildResponseHead } from "../http/build-head.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../proxy/feature/response-source.ts";

/** What only the proxy writes. */
const OWN = new Set(["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer"]);

/**
 * A source that answers with a `Response` of the web's standard, for the hooks `source` and `onUpstreamResponse`:
 * `responseSource(Response.json({ ok: true }))`. Its body streams, with back-pressure; a body that is not read to its end is cancelled.
 * A `Response` can be used for one exchange.
 */
export function responseSource(response: Response): ResponseSource {
  return {
    start: (_request, out) => {
      const { status, statusText } = response;
      const fields = [...response.headers].filter(([name]) => !OWN.has(name));
      const head = buildResponseHead({ status, ...(statusText === "" ? {} : { reason: statusText }) }, fields);
      if (response.body === null) {
        out.respond(head, 0);
        out.end(null);
        return {};
      }
      const body = new WebBody(response.body.getReader(), out);
      out.respond(head, lengthOf(response));
      void body.send();
      return body;
    },
  };
}

/** Sends a web stream as the body of a response. */
class WebBody implements SourceInput {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly out: SourceResponse;
  private isOver: boolean = false;
  /** Lets the sending go on; null: it does not wait for the client. */
  private resume: (() => void) | null = null;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, out: SourceResponse) {
    this.reader = reader;
    this.out = out;
  }

  /** Never rejects. */
  async send(): Promise<void> {
    const { reader, out } = this;
    try {
      for (let part = await reader.read(); !part.done && !this.isOver; part = await reader.read()) {
        const { buffer, byteOffset, byteLength } = part.value;
        out.write(Buffer.from(buffer, byteOffset, byteLength));
        if (!out.flush()) await new Promise<void>((resolve) => (this.resume = resolve));
      }
      out.end(null);
    } catch (error) {
      out.fail(error);
      this.abort();
    }
  }

  writable(): void {
    this.resume?.();
    this.resume = null;
  }

  abort(): void {
    this.isOver = true;
    // A stream that has failed rejects with its error, which is known.
    this.reader.cancel().catch(() => {});
    this.writable();
  }
}

function lengthOf({ headers }: Response): BodyLength {
  const length = headers.get("content-length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : -1;
}
