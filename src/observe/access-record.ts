import type { Buffer } from "node:buffer";
import type { AccessShape } from "../config/access-log/access-shape.ts";
import type { RequestNotes } from "./request-notes.ts";

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
  /** The request's id; "": it has none. */
  readonly requestId: string;
  readonly notes: RequestNotes;
  /** What the line holds. */
  readonly shape: AccessShape;
  /** The values of the shape's inputs; "": there is no such thing. */
  readonly values: readonly string[];
}

/** Writes lines into a buffer that it reuses for the next line. Each thread has one. */
export interface AccessLines {
  /** The buffer. The last line lies at its beginning. A `write` may replace the buffer by a larger one. */
  readonly bytes: Buffer;
  /** Writes a line, and gives its length in bytes, the line feed included. */
  write(record: AccessRecord): number;
}
