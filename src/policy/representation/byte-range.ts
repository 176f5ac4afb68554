/** The field Range (RFC 9110 section 14). */

/** The first and the last byte of a part, from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** More digits are beyond any file, and beyond exact numbers. */
const POSITION = String.raw`[0-9]{1,15}`;
const SINGLE = new RegExp(`^bytes[ \\t]*=[ \\t]*(?:(${POSITION})-(${POSITION}|[0-9]{16,})?|-(${POSITION}|[0-9]{16,}))[ \\t]*$`, "i");
/** One whose last byte has fewer digits is malformed: it comes before the first one. */
const BEYOND = /^bytes[ \t]*=[ \t]*[0-9]{16,}-(?:[0-9]{16,})?[ \t]*$/i;

/**
 * The part of a representation of `size` bytes that a request asks for. Null: the whole of it is to be sent, as for every request that this server
 * need not understand (section 14.2): another unit, a malformed value, and several ranges, which let a client ask for the same bytes many times
 * over. "unsatisfiable": there is no such part (416). An empty representation is always sent as a whole.
 */
export function rangeOf(value: string | undefined, size: number): ByteRange | "unsatisfiable" | null {
  if (value === undefined || size === 0) return null;
  if (BEYOND.test(value)) return "unsatisfiable";
  const [, from, to, suffix] = SINGLE.exec(value) ?? [];
  if (suffix !== undefined) {
    const length = Number(suffix);
    return length === 0 ? "unsatisfiable" : { first: Math.max(0, size - length), last: size - 1 };
  }
  if (from === undefined) return null;
  const first = Number(from);
  const last = to === undefined ? size - 1 : Math.min(Number(to), size - 1);
  // A malformed range: its last byte comes before its first one.
  if (to !== undefined && Number(to) < first) return null;
  return first >= size ? "unsatisfiable" : { first, last };
}
