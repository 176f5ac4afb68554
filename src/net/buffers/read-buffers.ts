/**
 * The buffers that sockets read into. All sockets of the thread share one small buffer, so its bytes must be used or copied before the
 * callback of the read returns. A socket that carries large bodies borrows a large buffer (a *loan*), so that its bytes can be written on
 * without a copy. read-target.ts decides which buffer a connection uses.
 */
import { Buffer } from "node:buffer";
import { latin1, writeLatin1 } from "../../base/latin1.ts";

/** Size of the shared buffer. An outlet copies its bytes (outlet.ts), so nothing refers to the buffer after the callback. */
const SHARED_BYTES = 16 * 1024;

/**
 * Sizes of loans. A connection gets the first size at the beginning, and the second one when a single read has filled the first. A body of
 * 1 MiB with its head takes four reads of the second size, where 256 KiB would need a fifth.
 */
const LOAN_BYTES: readonly number[] = [64 * 1024, 264 * 1024];

/** How many free buffers of each size are kept: at most about 8 MiB a thread. */
const KEPT_MAX: readonly number[] = [32, 24];

/** How many idle connections may keep their loan: at most another 8 MiB a thread. */
const IDLE_LOANS_MAX = 32;

/** A read of fewer bytes is a trickle: a loan is not worth its memory. */
const TRICKLE_BYTES = 4096;

/** Free memory in front of the shared buffer, for text that is written before its bytes (`withSharedBytes`). */
const ROOM_BYTES = 1024;
/** Fewer bytes are appended to the text as a string: with many small chunks, copying the text each time would cost more. */
const WITH_TEXT_BYTES = 64;

const room: Buffer = Buffer.allocUnsafeSlow(ROOM_BYTES + SHARED_BYTES);
export const sharedBuffer: Buffer = room.subarray(ROOM_BYTES);

/**
 * Returns the text followed by the bytes of the shared buffer from `start` up to `end`, as one latin1 string. The text is copied to the
 * place before these bytes and overwrites what was read there, which a reader has turned into text before it hands out later bytes. The
 * result is a flat string; V8 would flatten a concatenation when it is written, which takes twice as long.
 */
export function withSharedBytes(text: string, start: number, end: number): string {
  const { length } = text;
  if (length === 0 || length > ROOM_BYTES || end - start < WITH_TEXT_BYTES) return text + latin1(sharedBuffer, start, end);
  const from = ROOM_BYTES + start - length;
  writeLatin1(room, text, from);
  return latin1(room, from, ROOM_BYTES + end);
}

/** Free buffers for loans, a list for each size. */
const kept: Buffer[][] = LOAN_BYTES.map(() => []);

/**
 * Returns the buffer for the next read, after a read of `filled` bytes into `current`: a larger one if `current` was full, the shared one
 * after a trickle.
 */
export function nextBuffer(current: Buffer, filled: number): Buffer {
  if (filled === current.length) {
    const size = current === sharedBuffer ? 0 : current.length === LOAN_BYTES[0] ? 1 : -1;
    if (size < 0) return current;
    giveBack(current);
    return kept[size]?.pop() ?? Buffer.allocUnsafeSlow(LOAN_BYTES[size] ?? SHARED_BYTES);
  }
  if (current !== sharedBuffer && isTrickle(filled)) {
    giveBack(current);
    return sharedBuffer;
  }
  return current;
}

/** Returns a loan of the largest size. */
export function takeLargest(): Buffer {
  const size = LOAN_BYTES.length - 1;
  return kept[size]?.pop() ?? Buffer.allocUnsafeSlow(LOAN_BYTES[size] ?? SHARED_BYTES);
}

/** Whether a read of that many bytes is too small for a loan. */
export function isTrickle(filled: number): boolean {
  return filled < TRICKLE_BYTES;
}

let idleLoans = 0;

/**
 * Asks whether a connection may keep its loan while it is idle. Its next message is probably as large, and is then read at once instead of
 * in three pieces. After true, call `endIdleLoan` when the connection is used again or closed.
 */
export function beginIdleLoan(): boolean {
  if (idleLoans >= IDLE_LOANS_MAX) return false;
  idleLoans++;
  return true;
}

export function endIdleLoan(): void {
  idleLoans--;
}

/** Ends a loan. The caller must know that no unfinished write refers to the buffer. */
export function giveBack(buffer: Buffer): void {
  if (buffer === sharedBuffer) return;
  const size = LOAN_BYTES.indexOf(buffer.length);
  const list = kept[size];
  if (list !== undefined && list.length < (KEPT_MAX[size] ?? 0)) list.push(buffer);
}
