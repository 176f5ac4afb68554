/**
 * The values of a database in MaxMind's format, one after the other: numbers, texts, lists, maps, and pointers to other values. Only what is asked for is
 * read, and nothing of it becomes an object.
 *
 * What the bytes say cannot make it run long: a pointer is followed once and not from pointer to pointer, what is skipped is not followed at all, and all
 * reads of a database together have a limit of steps that grows with its size.
 */

/** Says, after the file's name, what is wrong with a database. */
export class MmdbFault extends Error {}

/** The place of no value. */
export const NO_PLACE = -1;

const POINTER = 1;
const TEXT = 2;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;
const UINT64 = 9;
const ARRAY = 11;
const BOOLEAN = 14;
/** The highest type that the specification has. */
const FLOAT = 15;

/** Steps for each byte. Real databases take less than one: the values of a map are skipped for each that is wanted, and most of them are pointers. */
const STEPS_PER_BYTE = 16;
const STEPS_LEAST = 10_000;
/** Longer texts are neither codes nor names of keys. */
const TEXT_BYTES_MAX = 100;
/** Added to a size that has octets of its own, by their number less one, so that no size has two forms. */
const SIZE_BASES = [29, 285, 65_821];
/** The same for a pointer. */
const POINTER_BASES = [0, 2048, 526_336, 0];

export class MmdbValues {
  private readonly bytes: Uint8Array;
  private readonly begin: number;
  private readonly end: number;
  private steps: number;
  // Of the value whose head was read last: its type, its size in octets or members, and where its content begins. For a pointer the size is where it leads.
  private type: number = 0;
  private size: number = 0;
  private content: number = 0;

  /** The values that lie in `bytes` from `begin` up to `end`. Places are counted from `begin`. */
  constructor(bytes: Uint8Array, begin: number, end: number) {
    this.bytes = bytes;
    this.begin = begin;
    this.end = end;
    this.steps = STEPS_LEAST + STEPS_PER_BYTE * (end - begin);
  }

  /** The place of the value that a map has under a name; `NO_PLACE` if there is none, or no map at `place`. Throws {@link MmdbFault}, as all methods do. */
  member(place: number, name: string): number {
    if (place === NO_PLACE || !this.readTarget(place, MAP)) return NO_PLACE;
    const members = this.size;
    let at = this.content;
    for (let index = 0; index < members; index++) {
      const afterKey = this.after(at);
      const isIt = this.text(at - this.begin) === name;
      if (isIt) return afterKey - this.begin;
      at = this.after(afterKey);
    }
    return NO_PLACE;
  }

  /** The text at a place; null: there is no text, or a long one. It is read as one character for each octet. */
  text(place: number): string | null {
    if (place === NO_PLACE || !this.readTarget(place, TEXT) || this.size > TEXT_BYTES_MAX) return null;
    let text = "";
    for (let index = 0; index < this.size; index++) text += String.fromCharCode(this.octet(this.content + index));
    return text;
  }

  /** The number at a place; null: there is none, or one of more than 53 bits. */
  uint(place: number): number | null {
    if (place === NO_PLACE || !this.readTarget(place, UINT16, UINT32, UINT64)) return null;
    const number = this.number(this.content, this.size);
    return Number.isSafeInteger(number) ? number : null;
  }

  /** Reads the head of the value at a place, or of the one to which a pointer there leads. Whether it is of one of the types. */
  private readTarget(place: number, ...types: readonly number[]): boolean {
    this.head(this.begin + place);
    if (this.type === POINTER) {
      this.head(this.begin + this.size);
      if (this.type === POINTER) throw new MmdbFault("is damaged: a pointer leads to a pointer");
    }
    return types.includes(this.type);
  }

  /** Where the value ends that begins at `at`. */
  private after(at: number): number {
    let next = at;
    for (let values = 1; values > 0; values--) {
      this.head(next);
      next = this.content;
      if (this.type === MAP) values += 2 * this.size;
      else if (this.type === ARRAY) values += this.size;
      else if (this.type !== POINTER && this.type !== BOOLEAN) next += this.size;
    }
    return next;
  }

  /** Reads type and size. */
  private head(at: number): void {
    if (--this.steps < 0) throw new MmdbFault("is damaged: its values lie within each other");
    const control = this.octet(at);
    const [type, low] = [control >>> 5, control & 31];
    this.type = type === 0 ? this.octet(at + 1) + 7 : type;
    if (this.type > FLOAT || (type === 0 && this.type <= MAP)) throw new MmdbFault("is damaged: it has values of unknown types");
    const from = type === 0 ? at + 2 : at + 1;
    if (this.type === POINTER) return this.pointer(from, low);
    const octets = low < 29 ? 0 : low - 28;
    this.size = octets === 0 ? low : (SIZE_BASES[octets - 1] ?? 0) + this.number(from, octets);
    this.content = from + octets;
  }

  private pointer(at: number, low: number): void {
    const octets = (low >>> 3) + 1;
    const high = octets === 4 ? 0 : (low & 7) * 256 ** octets;
    this.size = high + this.number(at, octets) + (POINTER_BASES[octets - 1] ?? 0);
    this.content = at + octets;
  }

  private number(at: number, octets: number): number {
    let number = 0;
    for (let index = 0; index < octets; index++) number = number * 256 + this.octet(at + index);
    return number;
  }

  private octet(at: number): number {
    if (at >= this.end || at < this.begin) throw new MmdbFault("is damaged: it ends within a value");
    return this.bytes[at] ?? 0;
  }
}
