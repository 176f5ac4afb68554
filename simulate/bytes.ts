/** Bodies that say whose they are: each byte follows from the body's owner and the byte's place, so that a stray byte is seen. */
import { Buffer } from "node:buffer";

/** A prime: the pattern of another owner, or of the same one shifted, differs soon. */
const PERIOD = 8191;
const WHOLE = Buffer.from(Array.from({ length: 2 * PERIOD }, (_, at) => 33 + ((Math.imul(at % PERIOD, 0x9e3779b1) >>> 24) % 90)));

function startOf(owner: number): number {
  return (Math.imul(owner, 0x85ebca6b) >>> 8) % PERIOD;
}

/** Bytes `[from, to)` of the owner's body. */
export function bodyOf(owner: number, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(to - from);
  for (let at = from; at < to;) {
    const start = (startOf(owner) + at) % PERIOD;
    const count = Math.min(to - at, PERIOD);
    WHOLE.copy(bytes, at - from, start, start + count);
    at += count;
  }
  return bytes;
}

/** Where `bytes[start, end)` is not what the owner's body has from `at` on; -1: nowhere. */
export function strayByte(owner: number, at: number, bytes: Buffer, start: number, end: number): number {
  for (let done = start; done < end;) {
    const from = (startOf(owner) + at + done - start) % PERIOD;
    const count = Math.min(end - done, PERIOD);
    if (bytes.compare(WHOLE, from, from + count, done, done + count) !== 0) {
      for (let index = 0; index < count; index++) if (bytes[done + index] !== WHOLE[from + index]) return at + done - start + index;
    }
    done += count;
  }
  return -1;
}
