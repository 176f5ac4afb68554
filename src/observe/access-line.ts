/**
 * The access log: one line per exchange, as JSON (access-json.ts) or text (access-text.ts).
 *
 * Every line is ASCII. What a client sends is latin1 text, of which all but printable ASCII is escaped (`\u001b` in JSON, `\x1b` in text). So
 * no request can break or forge a line or control a terminal, the output is valid UTF-8 whatever the bytes were, and the length of a line is
 * its size in bytes.
 */
import type { Buffer } from "node:buffer";
import { JsonLines } from "./access-json.ts";
import { TextLines } from "./access-text.ts";

/** What is logged about an exchange. */
export interface AccessRecord {
  /** When the request began, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** The client's address without port, as `trusted_proxies` gives it. */
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** The path without the query, which may hold secrets. */
  readonly path: string;
  /** The status of the answer, even if the client did not wait for its end; 499 when the client left before there was an answer. */
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Milliseconds until the head of the endpoint's response; -1 when there was none. */
  readonly originHeadMs: number;
  /** The URL of the endpoint that answered or was tried last; "" for none. */
  readonly endpoint: string;
  readonly route: string;
  readonly attempts: number;
  /** How the exchange ended, in one word: `completed`, `rate_limited`, `client_gone` ... */
  readonly outcome: string;
  readonly worker: number;
}

export type AccessFormat = "json" | "text";

/** Writes lines into a buffer that it reuses for the next line. Each thread has one. */
export interface AccessLines {
  /** The buffer. The last line lies at its beginning. A `write` may replace the buffer by a larger one. */
  readonly bytes: Buffer;
  /** Writes a line, and gives its length in bytes, the line feed included. */
  write(record: AccessRecord): number;
}

/** Makes the writer of a format. */
export function accessLines(format: AccessFormat): AccessLines {
  return format === "json" ? new JsonLines() : new TextLines();
}
