/**
 * One access log line per exchange, JSON or text. The time is in the record.
 *
 * Every line is ASCII: whatever a client sends comes in as latin1 text, and all but printable ASCII is escaped (`\u001b` in JSON,
 * `\x1b` in text). So no request can break a line, forge one or drive a terminal, the output is valid UTF-8 whatever the bytes were,
 * and a line's length is its size in bytes.
 */
import type { Buffer } from "node:buffer";
import { JsonLines } from "./access-json.ts";
import { TextLines } from "./access-text.ts";

export interface AccessRecord {
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Address without port, after trusted_proxies. */
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** Of the answer, also where the client did not wait for its end; 499: the client left before there was one. */
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Milliseconds until the endpoint's response head; -1: there was none. */
  readonly originHeadMs: number;
  /** URL of the endpoint that answered or was tried last; "" for none. */
  readonly endpoint: string;
  readonly route: string;
  readonly attempts: number;
  /** How it ended, one word: `completed`, `rate_limited`, `client_gone` ... */
  readonly outcome: string;
  readonly worker: number;
}

export type AccessFormat = "json" | "text";

/** Writes lines; it keeps parts of the last one, so use one per thread. */
export interface AccessLines {
  /** The line that was written last lies at its beginning. */
  readonly bytes: Buffer;
  /** How many bytes the line has, its line feed included. */
  write(record: AccessRecord): number;
}

export function accessLines(format: AccessFormat): AccessLines {
  return format === "json" ? new JsonLines() : new TextLines();
}
