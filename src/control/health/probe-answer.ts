/** The request that a health check sends, and the verdict on its response. Works on bytes; probe.ts has the socket. */
import type { Buffer } from "node:buffer";
import { RESPONSE_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { ResponseReader } from "../../http1/response-reader.ts";

/** Null: the probe passed. Text: why it failed, in a few words for the log. */
export type ProbeResult = string | null;

/** Body bytes after which the probe passes without reading the rest. Health pages are smaller. */
const BODY_BYTES_MAX = 64 * 1024;

/** Limit of interim (1xx) responses before the final one. */
const INTERIM_RESPONSES_MAX = 32;

/** The text of a probe's request. */
export function probeRequest(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: millrace-probe\r\naccept: */*\r\nconnection: close\r\n\r\n`;
}

/**
 * Reads the response to a probe and judges it. The body counts too, up to a limit: an endpoint that sends a good head and then hangs
 * or dies is not healthy.
 */
export class ProbeAnswer {
  private readonly expectedStatuses: readonly string[];
  private readonly reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private interimResponses: number = 0;
  private inBody: boolean = false;
  private bodyBytes: number = 0;

  /** @param expectedStatuses each is a status such as `200` or a range such as `200-399` */
  constructor(expectedStatuses: readonly string[]) {
    this.expectedStatuses = expectedStatuses;
  }

  /** Takes further bytes of the response. Undefined: no verdict yet, more bytes are needed. */
  take(bytes: Buffer): ProbeResult | undefined {
    const { reader } = this;
    reader.feed(bytes, 0, bytes.length);
    for (;;) {
      switch (reader.next()) {
        case Event.head: {
          const { status } = reader.head;
          // 101 (Switching Protocols) must not answer a request without Upgrade.
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

  /** The verdict when the endpoint has ended the connection. */
  end(): ProbeResult {
    if (this.reader.endOfInput() === Event.end) return null;
    return `the connection ended ${this.inBody ? "within the body" : "before the answer"}`;
  }
}

/** Whether the status matches one of `expected`: statuses such as `200` and ranges such as `200-399`. */
export function statusExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((range) => {
    const [low = NaN, high = low] = range.split("-").map(Number);
    return status >= low && status <= high;
  });
}
