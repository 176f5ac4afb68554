import type { ConnectionOptions } from "./connection-options.ts";
import { Known, bit } from "./known-fields.ts";
import type { KnownId } from "./known-fields.ts";
import { trimOws } from "./trim-ows.ts";

/** Numbers stored per field line: start and end of the name, start and end of the value (without white space around it), known id. */
const STRIDE = 5;
/** Lines that there is room for after the first `grow`: enough for most heads. */
const LINES_FIRST = 32;
const NO_OFFSETS = new Int32Array(0);

// The section is one text and the position of each line in it: names and values are cut out of the text, and names lower-cased, only when
// somebody asks for them. A codec fills the section line by line (`addLine`), then sets the text (`complete`), and reuses the object for
// the next message after `clear`.

/**
 * The field lines of a head, or of the trailer section after a body (RFC 9110 section 6.3 and 6.5), in the order in which they were received.
 * A value is latin1: one character per byte. The proxy reuses the object, so it is valid only as long as its head or, for trailers, during
 * the call that brings it.
 */
export class FieldSection {
  /** @internal The lines as received, latin1 (one character per byte), each with its CRLF. */
  text: string = "";
  /** @internal How many lines there are, the hidden ones included. */
  count: number = 0;
  /** @internal Bits of the known fields that occur, see `bit()` in known-fields.ts. */
  present: number = 0;
  /** @internal Bits of known fields that count as absent: look-ups by name or id do not find them, though their lines are there. */
  hidden: number = 0;
  /** @internal The result of `connectionOptions`. Null: not computed yet. */
  connection: ConnectionOptions | null = null;
  /**
   * @internal A place for one value that was computed from the known fields. It is kept for later messages as long as these fields stay the same.
   * Several callers share the place, so each must check that the value is its own.
   */
  derived: object | null = null;
  /**
   * @internal Identifies the lines: each new set of lines that this object holds gets a new number, and the same lines again get the same number.
   * 0: not complete. To keep a value that was made from the lines, keep the edition with it and compare.
   */
  edition: number = 0;
  private editions: number = 0;
  private offsets: Int32Array = NO_OFFSETS;
  /** The lines cannot be changed: an attempt throws a TypeError. */
  private readonly fixed: boolean = false;

  /**
   * @internal
   * @param lines a section to copy. The copy never changes, so several holders may keep it. Only computed values may still be stored in
   * it (`connection`, `derived`).
   */
  constructor(lines: FieldSection | null = null) {
    if (lines === null) return;
    this.count = lines.count;
    this.present = lines.present;
    this.hidden = lines.hidden;
    this.offsets = lines.offsets.slice(0, lines.count * STRIDE);
    this.complete(lines.text);
    this.fixed = true;
  }

  /** @internal Empties the section for the next message. The old lines' offsets stay in memory for `restore` and `takeOver`. */
  clear(): void {
    if (this.fixed) throw new TypeError(FIXED);
    this.text = "";
    this.count = 0;
    this.present = 0;
    this.hidden = 0;
    this.connection = null;
    this.derived = null;
    this.edition = 0;
  }

  /** @internal Call after all lines were added. `text`: the text that their positions refer to. */
  complete(text: string): void {
    if (this.fixed) throw new TypeError(FIXED);
    this.text = text;
    this.edition = ++this.editions;
  }

  /** @internal After `clear`: brings back all lines of before, when the new message has the same ones, octet by octet. */
  restore(text: string, count: number, present: number, edition: number): void {
    this.text = text;
    this.count = count;
    this.present = present;
    this.edition = edition;
  }

  /**
   * @internal After `clear`, when `first` lines were added: brings back the old lines from index `first` to `end`, when the new message has the same
   * ones, octet by octet.
   * @param start position in the section's text where they begin now
   * @param present the bits of their known fields
   */
  takeOver(first: number, end: number, start: number, present: number): void {
    const { offsets } = this;
    const delta = start - this.nameStart(first);
    if (delta !== 0) move(offsets, first, end, delta);
    this.count = end;
    this.present |= present;
  }

  /** @internal Clears the section and frees the memory of an unusually long one. */
  forget(): void {
    this.clear();
    if (this.offsets.length > LINES_FIRST * STRIDE) this.offsets = NO_OFFSETS;
  }

  /** @internal Adds a line. Positions count from the first byte of the first line. */
  addLine(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, id: KnownId): void {
    let at = this.count * STRIDE;
    if (at === this.offsets.length) this.grow();
    const offsets = this.offsets;
    offsets[at++] = nameStart;
    offsets[at++] = nameEnd;
    offsets[at++] = valueStart;
    offsets[at++] = valueEnd;
    offsets[at] = id;
    this.count++;
    this.present |= 1 << id;
  }

  /** @internal Extends the last line's value, over a line end, to that position (obs-fold, see `unfolded`). */
  extendLastLine(textEnd: number): void {
    this.offsets[(this.count - 1) * STRIDE + 3] = textEnd;
  }

  /** @internal Position of the first character of that line's name. */
  nameStart(index: number): number {
    return this.offsets[index * STRIDE] as number;
  }

  /** @internal Position after the name. */
  nameEnd(index: number): number {
    return this.offsets[index * STRIDE + 1] as number;
  }

  /** @internal Position of the value, without the white space around it. */
  valueStart(index: number): number {
    return this.offsets[index * STRIDE + 2] as number;
  }

  /** @internal Position after the value. */
  valueEnd(index: number): number {
    return this.offsets[index * STRIDE + 3] as number;
  }

  /** @internal The known id of that line, see known-fields.ts. */
  knownId(index: number): number {
    return this.offsets[index * STRIDE + 4] as number;
  }

  /** @internal Position after that line's CRLF. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.text.length;
  }

  /** @internal The name of that line, as received. */
  name(index: number): string {
    return this.text.slice(this.nameStart(index), this.nameEnd(index));
  }

  /** @internal The value of that line. */
  value(index: number): string {
    const value = this.text.slice(this.valueStart(index), this.valueEnd(index));
    return (this.present & RESPELLED) === 0 ? value : unfolded(value);
  }

  /** Whether there is a line of that name (lower case). */
  has(lowerName: string): boolean {
    return this.find(lowerName, 0) >= 0;
  }

  /** The value of the first line of that name (lower case), without the white space around it; undefined: there is none. */
  get(lowerName: string): string | undefined {
    const index = this.find(lowerName, 0);
    return index < 0 ? undefined : this.value(index);
  }

  /** The values of all lines of that name (lower case), in order. */
  values(lowerName: string): string[] {
    const found: string[] = [];
    for (let index = this.find(lowerName, 0); index >= 0; index = this.find(lowerName, index + 1)) found.push(this.value(index));
    return found;
  }

  /** The lines in order, each as a name, spelled as received, and a value: `new Map(head)`, `for (const [name, value] of head)`. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let index = 0; index < this.count; index++)
      if ((this.hidden & (1 << this.knownId(index))) === 0) yield [this.name(index), this.value(index)];
  }

  /** @internal The value of the first line with that known id, or undefined. */
  knownValue(id: KnownId): string | undefined {
    const index = this.knownIndex(id, 0);
    return index < 0 ? undefined : this.value(index);
  }

  /** @internal The values of all lines with that known id, in order. */
  knownValues(id: KnownId): string[] {
    const found: string[] = [];
    for (let index = this.knownIndex(id, 0); index >= 0; index = this.knownIndex(id, index + 1)) found.push(this.value(index));
    return found;
  }

  /** @internal Index of the first line with that known id, from index `from` on. -1: none. */
  knownIndex(id: KnownId, from: number): number {
    if ((this.present & ~this.hidden & (1 << id)) === 0) return -1;
    for (let index = from; index < this.count; index++) if (this.knownId(index) === id) return index;
    return -1;
  }

  /** @internal Whether the line has that name (lower case). */
  isNamed(index: number, lowerName: string): boolean {
    return this.nameEnd(index) - this.nameStart(index) === lowerName.length && this.name(index).toLowerCase() === lowerName;
  }

  /**
   * @internal Marks lines of these names as `Known.verified`: they are hidden and not forwarded. @param names in lower case; each stands for every spelling that
   * becomes it when characters other than letters and digits are read as hyphens, as some origin servers do
   */
  reserve(names: ReadonlySet<string>): void {
    let isThere = false;
    for (let index = 0; index < this.count; index++) {
      const id = this.knownId(index);
      // Lines that were taken over from the head before may be marked already.
      const isReserved =
        id === Known.verified || ((id === Known.none || id === Known.unsafeName) && names.has(foldedName(this.name(index))));
      if (!isReserved) continue;
      this.offsets[index * STRIDE + STRIDE - 1] = Known.verified;
      isThere = true;
    }
    if (!isThere) return;
    this.present |= bit(Known.verified);
    // Not the head that was read: what is remembered of its text does not hold.
    this.edition = ++this.editions;
  }

  private find(lowerName: string, from: number): number {
    for (let index = from; index < this.count; index++) {
      if ((this.hidden & (1 << this.knownId(index))) === 0 && this.isNamed(index, lowerName)) return index;
    }
    return -1;
  }

  private grow(): void {
    // A fixed section has no room for another line, so every attempt to add one ends up here.
    if (this.fixed) throw new TypeError(FIXED);
    const larger = new Int32Array(Math.max(LINES_FIRST * STRIDE, this.offsets.length * 2));
    larger.set(this.offsets);
    this.offsets = larger;
  }
}

/** A field name as origin servers that fold names read it, in lower case. */
export function foldedName(name: string): string {
  return name.toLowerCase().replace(/[^0-9a-z-]/g, "-");
}

const FIXED = "the lines of this head stay as they are: others may hold it";

const RESPELLED = bit(Known.respelled);

/** Replaces each line end within a value (obs-fold), with the white space around it, by one SP (RFC 9112 section 5.2). */
function unfolded(value: string): string {
  if (!value.includes("\r")) return value;
  const parts = value.split("\r\n").map((part) => trimOws(part));
  return parts.filter((part) => part !== "").join(" ");
}

/** Adds `delta` to all positions of the lines from `first` to `end`. */
function move(offsets: Int32Array, first: number, end: number, delta: number): void {
  for (let at = first * STRIDE; at < end * STRIDE; at += STRIDE)
    for (let index = at; index < at + STRIDE - 1; index++) offsets[index] = (offsets[index] as number) + delta;
}
