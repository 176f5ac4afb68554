/** Bodies whose every byte follows from the body's owner and the byte's position, so that a stray byte can be recognised. */
import { Buffer } from "node:buffer";

/** Period of the pattern. It is a prime, so that the pattern of another owner, or of a shifted body, soon differs. */
const PERIOD = 8191;
/** How many bytes can be asked for, or checked, at a time. */
const LENGTH_MAX = 512 * 1024;
/** The pattern. Every body is a slice of it, so that no body has to be made. */
const ALL = Buffer.from(Array.from({ length: PERIOD + LENGTH_MAX }, (_, at) => 33 + ((Math.imul(at % PERIOD, 0x9e3779b1) >>> 24) % 90)));

/** The index in `ALL` of byte `at` of the owner's body. */
function placeOf(owner: number, at: number): number {
  return (((Math.imul(owner, 0x85ebca6b) >>> 8) % PERIOD) + at) % PERIOD;
}

/** Bytes `[from, to)` of the owner's body. Other bodies share this memory: nobody may change it. */
export function bodyOf(owner: number, from: number, to: number): Buffer {
  const count = to - from;
  if (count > LENGTH_MAX) throw new RangeError(`${count} bytes of a body at a time`);
  const start = placeOf(owner, from);
  return ALL.subarray(start, start + count);
}

/** The first position in the owner's body, from `at` on, at which `bytes[start, end)` differs from it; -1 if nowhere. */
export function strayByte(owner: number, at: number, bytes: Buffer, start: number, end: number): number {
  const place = placeOf(owner, at);
  const count = end - start;
  if (count > LENGTH_MAX) throw new RangeError(`${count} bytes of a body at a time`);
  if (bytes.compare(ALL, place, place + count, start, end) === 0) return -1;
  for (let index = 0; index < count; index++) if (bytes[start + index] !== ALL[place + index]) return at + index;
  return -1;
}
