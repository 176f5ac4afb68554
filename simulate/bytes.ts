/** Bodies that say whose they are: each byte follows from the body's owner and the byte's place, so that a stray byte is seen. */
import { Buffer } from "node:buffer";

/** A prime: the pattern of another owner, or of the same one shifted, differs soon. */
const PERIOD = 8191;
/** Bytes that can be asked for, or looked at, at a time. */
const LENGTH_MAX = 512 * 1024;
/** Every body is a part of these, so none is made. */
const ALL = Buffer.from(Array.from({ length: PERIOD + LENGTH_MAX }, (_, at) => 33 + ((Math.imul(at % PERIOD, 0x9e3779b1) >>> 24) % 90)));

/** Where among them the owner's body goes on from its byte `at`. */
function placeOf(owner: number, at: number): number {
  return (((Math.imul(owner, 0x85ebca6b) >>> 8) % PERIOD) + at) % PERIOD;
}

/** Bytes `[from, to)` of the owner's body. They are others' too: nobody may change them. */
export function bodyOf(owner: number, from: number, to: number): Buffer {
  const count = to - from;
  if (count > LENGTH_MAX) throw new RangeError(`${count} bytes of a body at a time`);
  const start = placeOf(owner, from);
  return ALL.subarray(start, start + count);
}

/** Where `bytes[start, end)` is not what the owner's body has from `at` on; -1: nowhere. */
export function strayByte(owner: number, at: number, bytes: Buffer, start: number, end: number): number {
  const place = placeOf(owner, at);
  const count = end - start;
  if (count > LENGTH_MAX) throw new RangeError(`${count} bytes of a body at a time`);
  if (bytes.compare(ALL, place, place + count, start, end) === 0) return -1;
  for (let index = 0; index < count; index++) if (bytes[start + index] !== ALL[place + index]) return at + index;
  return -1;
}
