import type { RequestHead } from "../http/request-head.ts";
import type { ExchangeThread } from "../proxy/exchange-thread.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { NameTable } from "../shared/name-table.ts";
import type { WorkerTable } from "../shared/worker-table.ts";
import type { BulkBuffer } from "./buffers/bulk-buffer.ts";
import type { OpenChunk } from "./buffers/open-chunk.ts";
import type { WriteBatch } from "./buffers/write-batch.ts";
import type { Platform } from "./platform.ts";
import type { HandshakePace } from "./tls/handshake-pace.ts";

/** What a data-plane thread offers to its connections, whatever protocol they speak. thread.ts implements it. */
export interface ConnectionThread extends ExchangeThread {
  readonly workers: WorkerTable;
  /** The addresses of the endpoints' host names. */
  readonly names: NameTable;
  readonly platform: Platform;
  /** Small writes that wait for the end of the event loop's turn. */
  readonly writes: WriteBatch;
  /** The buffer that large bodies are read into. */
  readonly bulk: BulkBuffer;
  /** The open chunk: the body bytes of one read become one chunk (RFC 9112 section 7.1). */
  readonly chunk: OpenChunk;
  /** Spreads TLS handshakes over the turns of the event loop. */
  readonly handshakes: HandshakePace;
  /** Asks the control plane for a certificate for that name, for the listener in `slot`. */
  wantCertificate(slot: number, name: string): void;
  /** Counts a socket that was opened (or, with -1, closed). */
  countSocket(delta: 1 | -1): void;
  /** Whether file descriptors are so short that another client would take one that the present clients may need. */
  shortOfSockets(): boolean;
  /** Whether no descriptor is left even to tell a new client that it cannot be served. */
  outOfSockets(): boolean;
  /** Counts and logs a request that was refused before it became an exchange. */
  refused(client: string, answer: LocalAnswer, head: RequestHead | null, startedAt: number, bytesReceived: number, bytesSent: number): void;
}
