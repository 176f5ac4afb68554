/** What passes after a switch of protocols: bytes, without messages. */
import type { Buffer } from "node:buffer";

/** One side of a tunnel. */
export interface ByteDuplex {
  /** It is closed, or about to be. */
  readonly isGone: boolean;
  /** A write has not finished; `TunnelEvents.unblocked` follows. */
  readonly isBlocked: boolean;
  /** The other end takes nothing more. */
  readonly hasFailed: boolean;
  /** False: not all is taken, and the bytes must stay as they are until `TunnelEvents.unblocked`. */
  write(bytes: Buffer, start: number, end: number): boolean;
  pause(): void;
  resume(): void;
  /** Sends the end once everything written has left. */
  end(): void;
  /** Closes once everything written has left. */
  closeSoon(): void;
  close(): void;
  /** Closes so that the other end sees a failure. */
  reset(): void;
}

/** What the sides of a tunnel tell it. */
export interface TunnelEvents {
  received(side: ByteDuplex, bytes: Buffer, count: number): void;
  /** Whether nothing refers to the bytes that side received last. */
  flowing(side: ByteDuplex): boolean;
  /** Everything written to that side has left. */
  unblocked(side: ByteDuplex): void;
  /** That side will send nothing more. */
  ended(side: ByteDuplex): void;
  /** That side takes nothing more. */
  writeFailed(side: ByteDuplex): void;
  /** That side is gone. */
  closed(side: ByteDuplex): void;
}
