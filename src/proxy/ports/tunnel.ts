/** A tunnel after a switch of protocols (101): bytes pass both ways, without messages. The tunnel itself is net/tunnel.ts. */
import type { Buffer } from "node:buffer";

/** One side of a tunnel: the connection to the client or to the endpoint. */
export interface ByteDuplex {
  /** The connection is closed, or about to be. */
  readonly isGone: boolean;
  /** A write is unfinished; `TunnelEvents.unblocked` follows. */
  readonly isBlocked: boolean;
  /** A write failed: the other end takes nothing more. */
  readonly hasFailed: boolean;
  /**
   * Writes `bytes` from `start` up to `end`. Returns false if the write is unfinished: the bytes must not change until
   * `TunnelEvents.unblocked`.
   */
  write(bytes: Buffer, start: number, end: number): boolean;
  pause(): void;
  resume(): void;
  /** Sends a FIN once everything written has left. */
  end(): void;
  /** Closes once everything written has left. */
  closeSoon(): void;
  /** Closes at once. */
  close(): void;
  /** Closes so that the other end sees a failure. */
  reset(): void;
}

/** What each side of a tunnel tells the tunnel. */
export interface TunnelEvents {
  /** `count` bytes were read into `bytes`. */
  received(side: ByteDuplex, bytes: Buffer, count: number): void;
  /** Whether the bytes that this side read last are fully written on, so that its buffer may be used again. */
  flowing(side: ByteDuplex): boolean;
  /** Everything written to this side has left. */
  unblocked(side: ByteDuplex): void;
  /** This side has sent its FIN. */
  ended(side: ByteDuplex): void;
  /** This side takes nothing more. */
  writeFailed(side: ByteDuplex): void;
  /** This side's connection is closed. */
  closed(side: ByteDuplex): void;
}
