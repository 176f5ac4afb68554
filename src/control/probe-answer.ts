/** What a health check asks of an endpoint, and what it makes of the answer. Knows no socket. */
import type { Buffer } from "node:buffer";
import { RESPONSE_LIMITS } from "../http1/limits.ts";
import { Event } from "../http1/message-reader.ts";
import { ResponseReader } from "../http1/response-reader.ts";

/** Null: it passed. Else why it did not, in a few words for the log. */
export type ProbeResult = string | null;

/** Bytes of a body that are read before the rest is given up; a health page is smaller. */
const BODY_BYTES_MAX = 64 * 1024;

/** Interim responses before the answer; a plain GET is not worth many. */
const INTERIM_RESPONSES_MAX = 32;

export function probeRequest(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: millrace-probe\r\naccept: */*\r\nconnection: close\r\n\r\n`;
}

/** Reads the answer. A backend that sends a good head and then hangs or dies is not well: the body counts, up to a limit. */
export class ProbeAnswer {
  private readonly expectedStatuses: readonly string[];
  private readonly reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private interimResponses: number = 0;
  private inBody: boolean = false;
  private bodyBytes: number = 0;

  /** @param expectedStatuses each `200` or `200-399` */
  constructor(expectedStatuses: readonly string[]) {
    this.expectedStatuses = expectedStatuses;
  }

  /** Takes bytes of the answer. Undefined: more must come. */
  take(bytes: Buffer): ProbeResult | undefined {
    const { reader } = this;
    reader.feed(bytes, 0, bytes.length);
    for (;;) {
      switch (reader.next()) {
        case Event.head: {
          const { status } = reader.head;
          // Switching protocols is no answer to a plain GET.
          if (status === 101) return "status 101, which nobody asked for";
          if (status >= 200) {
            this.inBody = true;
            if (statusExpected(status, this.expectedStatuses)) break;
            return `status ${status}, expected ${this.expectedStatuses.join(", ")}`;
          }
          if (++this.interimResponses > INTERIM_RESPONSES_MAX) return "interim responses without an answer";
          reader.next();
          reader.restart(reader.head);
          break;
        }
        case Event.data:
          this.bodyBytes += reader.dataEnd - reader.dataStart;
          if (this.bodyBytes > BODY_BYTES_MAX) return null;
          break;
        case Event.end:
          return null;
        case Event.fault:
          return `malformed answer (${reader.fault.code.replaceAll("_", " ")})`;
        default:
          return undefined;
      }
    }
  }

  /** The endpoint has sent its FIN. */
  end(): ProbeResult {
    if (this.reader.endOfInput() === Event.end) return null;
    return `the connection ended ${this.inBody ? "within the body" : "before the answer"}`;
  }
}

/** Whether a status is one of `200` or `200-399`. */
export function statusExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((range) => {
    const [low = NaN, high = low] = range.split("-").map(Number);
    return status >= low && status <= high;
  });
}
