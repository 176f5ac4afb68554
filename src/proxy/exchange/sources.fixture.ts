/** A response source for tests. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { RESPONSE_LIMITS } from "../../http1/limits.ts";
import { ResponseReader } from "../../http1/response-reader.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../feature/response-source.ts";

/** A source that a test controls, and that notes its calls. */
export class Told implements ResponseSource {
  response: SourceResponse | null = null;
  body: string = "";
  bodyEnded: boolean = false;
  aborted: number = 0;
  writables: number = 0;
  takes: boolean = true;
  starts: number = 0;

  start(_request: unknown, response: SourceResponse): SourceInput {
    this.starts++;
    this.response = response;
    return {
      data: (bytes, start, end) => void (this.body += latin1(bytes, start, end)),
      end: () => void (this.bodyEnded = true),
      flush: () => this.takes,
      writable: () => void this.writables++,
      abort: () => void this.aborted++,
    };
  }

  responds(text: string = "yes", length: BodyLength = text.length, status: number = 200): void {
    this.response?.respond(headOf(status), length);
    this.writes(text);
  }

  answers(status: number): void {
    this.response?.answer({ status, reason: "told", detail: "No.", fields: [] });
  }

  writes(text: string): boolean {
    this.response?.write(Buffer.from(text));
    return this.response?.flush() ?? false;
  }

  ends(): void {
    this.response?.end(null);
  }
}

export function headOf(status: number, fields: string = "X-From: source\r\n"): ResponseHead {
  const reader = new ResponseReader(RESPONSE_LIMITS);
  const bytes = Buffer.from(`HTTP/1.1 ${status} Fine\r\n${fields}\r\n`, "latin1");
  reader.feed(bytes, 0, bytes.length);
  reader.next();
  return reader.head;
}
