/**
 * Where sockets read into. One small buffer serves every socket of the thread: what is read from it must be consumed or copied before
 * the read callback returns. A socket that carries bulk gets a large buffer of its own, on loan, so that its bytes can be handed to a
 * write without a copy.
 */
import { Buffer } from "node:buffer";
import { latin1, writeLatin1 } from "../../base/latin1.ts";

/**
 * Size of the shared buffer. An outlet copies what lies in it (see outlet.ts), so nothing ever refers to it after the callback.
 */
const SHARED_BYTES = 16 * 1024;

/**
 * Sizes of the loaned buffers: the first for bodies of some size, the second once that one was filled by a single read. A mebibyte and the
 * head before it are four reads of the second, not five.
 */
const LOAN_BYTES: readonly number[] = [64 * 1024, 264 * 1024];

/** Buffers kept for the next loan, per size: about 8 MiB a thread at most. */
const KEPT_MAX: readonly number[] = [32, 24];

/** Loans that connections keep while they idle: as much again. */
const IDLE_LOANS_MAX = 32;

/** A read of fewer bytes is a trickle, for which a loan is not worth its memory. */
const TRICKLE_BYTES = 4096;

/** Memory before the shared buffer, where text can be put that goes before bytes of it. */
const ROOM_BYTES = 1024;
/** Fewer are joined to a text, of which there may be many: small chunks would copy what is there already again and again. */
const WITH_TEXT_BYTES = 64;

const room: Buffer = Buffer.allocUnsafeSlow(ROOM_BYTES + SHARED_BYTES);
export const sharedBuffer: Buffer = room.subarray(ROOM_BYTES);

/**
 * That text and bytes of the shared buffer as one text. It is put together where the bytes lie, over what was read before them, which
 * nobody may need any more (a reader has made text of it before it hands out bytes behind it): then it is one piece; joined texts would be put together when they are written, which takes twice as long.
 */
export function withSharedBytes(text: string, start: number, end: number): string {
  const { length } = text;
  if (length === 0 || length > ROOM_BYTES || end - start < WITH_TEXT_BYTES) return text + latin1(sharedBuffer, start, end);
  const from = ROOM_BYTES + start - length;
  writeLatin1(room, text, from);
  return latin1(room, from, ROOM_BYTES + end);
}

const kept: Buffer[][] = LOAN_BYTES.map(() => []);

/** The buffer to read into next, after `filled` bytes were read into `current`: larger after a full one, small again after a trickle. */
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

/** A loan of the largest size. */
export function takeLargest(): Buffer {
  const size = LOAN_BYTES.length - 1;
  return kept[size]?.pop() ?? Buffer.allocUnsafeSlow(LOAN_BYTES[size] ?? SHARED_BYTES);
}

/** Whether a read brought so little that a large buffer is not worth its memory. */
export function isTrickle(filled: number): boolean {
  return filled < TRICKLE_BYTES;
}

let idleLoans = 0;

/**
 * Whether a connection may keep its loan while it idles: its next message, likely as large, is then read at once instead of in three
 * pieces. It says `endIdleLoan` when it is used again or closed.
 */
export function beginIdleLoan(): boolean {
  if (idleLoans >= IDLE_LOANS_MAX) return false;
  idleLoans++;
  return true;
}

export function endIdleLoan(): void {
  idleLoans--;
}

/** Ends a loan. Never while a write may still refer to the buffer. */
export function giveBack(buffer: Buffer): void {
  if (buffer === sharedBuffer) return;
  const size = LOAN_BYTES.indexOf(buffer.length);
  const list = kept[size];
  if (list !== undefined && list.length < (KEPT_MAX[size] ?? 0)) list.push(buffer);
}
