/** Makes UUIDs of version 7 (RFC 9562 section 5.7): they begin with the time, so ids that are made later sort later. */

/** Fills the array with random bytes. */
export type FillRandom = (bytes: Uint8Array) => void;

/** Ids for which random bytes are fetched at once: to fetch them costs about as much as to make ten ids. */
const IDS_AHEAD = 256;
const RANDOM_BYTES = 10;
/** A counter begins in the lower half of its 12 bits, so that there is room for at least 2048 ids in the millisecond (section 6.2, method 1). */
const COUNTER_START_MASK = 0x7ff;
const COUNTER_MAX = 0xfff;

/**
 * The ids of one thread: each is greater than the one before, also within a millisecond and when the clock goes back. 62 bits are random, so
 * other threads and other machines make other ids.
 */
export class Uuid7 {
  private readonly fill: FillRandom;
  private readonly random: Uint8Array = new Uint8Array(IDS_AHEAD * RANDOM_BYTES);
  private used: number = IDS_AHEAD * RANDOM_BYTES;
  /** The time in the last id, in epoch milliseconds. */
  private lastMs: number = -1;
  /** That time as the id begins, up to and with the version: `019acd0b-7c5e-7`. */
  private start: string = "";
  private counter: number = 0;

  constructor(fill: FillRandom) {
    this.fill = fill;
  }

  /** @param epochMs the time of now; a fraction is dropped */
  next(epochMs: number): string {
    if (this.used === this.random.length) {
      this.fill(this.random);
      this.used = 0;
    }
    const bytes = this.random;
    const at = this.used;
    this.used += RANDOM_BYTES;
    this.count(Math.floor(epochMs), ((octet(bytes, at + 8) << 8) | octet(bytes, at + 9)) & COUNTER_START_MASK);
    const c = this.counter;
    const variant = (octet(bytes, at) & 0x3f) | 0x80;
    const n = octet(bytes, at + 1);
    const o = octet(bytes, at + 2);
    const p = octet(bytes, at + 3);
    const q = octet(bytes, at + 4);
    const r = octet(bytes, at + 5);
    const s = octet(bytes, at + 6);
    const t = octet(bytes, at + 7);
    // One call with all characters makes one text. To join pieces would make a dozen.
    return (
      this.start +
      String.fromCharCode(
        digit(c >> 8),
        digit(c >> 4),
        digit(c),
        HYPHEN,
        digit(variant >> 4),
        digit(variant),
        digit(n >> 4),
        digit(n),
        HYPHEN,
        digit(o >> 4),
        digit(o),
        digit(p >> 4),
        digit(p),
        digit(q >> 4),
        digit(q),
        digit(r >> 4),
        digit(r),
        digit(s >> 4),
        digit(s),
        digit(t >> 4),
        digit(t),
      )
    );
  }

  /** Sets time and counter of the next id. The time runs ahead of the clock where the clock went back, or the counter is used up. */
  private count(ms: number, first: number): void {
    if (ms > this.lastMs) this.begin(ms, first);
    else if (this.counter < COUNTER_MAX) this.counter++;
    else this.begin(this.lastMs + 1, first);
  }

  private begin(ms: number, first: number): void {
    this.lastMs = ms;
    this.counter = first;
    const hex = ms.toString(16).padStart(12, "0").slice(-12);
    this.start = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  }
}

const HYPHEN = 0x2d;

function octet(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** The character of the lowest four bits. */
function digit(value: number): number {
  const four = value & 15;
  return four < 10 ? 0x30 + four : 0x57 + four;
}
