import type { ConnectionOptions } from "./connection-options.ts";
import { Known, bit } from "./known-fields.ts";
import type { KnownId } from "./known-fields.ts";
import { trimOws } from "./trim-ows.ts";

/** Numbers stored per field line: start and end of the name, start and end of the value (OWS trimmed), known id. */
const STRIDE = 5;
/** Room for most heads, taken with the first line. */
const LINES_FIRST = 32;
const NO_OFFSETS = new Int32Array(0);

/**
 * The field lines of one head or trailer section: their text, and where in it each line lies. Nothing is copied or lower-cased before
 * somebody asks. Whoever reads a message fills it line by line (`addLine`) and then gives the text (`complete`). A reader uses it again
 * for the next message, after `clear`.
 */
export class FieldSection {
  /** The lines as received, one character a byte (latin1), each with its CRLF. */
  text: string = "";
  count: number = 0;
  /** Bits of the known fields that occur, see `bit()` in known-fields.ts. */
  present: number = 0;
  /** Bits of known fields that are there but say nothing: whoever asks by name does not find them. */
  hidden: number = 0;
  /** What `connectionOptions` found; null: nobody asked yet. */
  connection: ConnectionOptions | null = null;
  /**
   * A place for one thing that somebody found in the known fields, kept as long as these are the same. Anybody may write to it: check that
   * what lies there is your own.
   */
  derived: object | null = null;
  /**
   * Which lines these are: all lines that this object held have a number of their own, and a reader that finds the lines of the message
   * before again gives them the same one. 0: not complete. Whoever keeps something that was made from the lines compares this.
   */
  edition: number = 0;
  private editions: number = 0;
  private offsets: Int32Array = NO_OFFSETS;
  /** The lines stay as they are: who tries to change them gets an error. */
  private readonly fixed: boolean = false;

  /**
   * @param lines a section whose lines are copied. This one then never changes, and several may hold it for as long as they like. What is
   * found in the lines may still be noted (`connection`, `derived`).
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

  /** For the lines of another section. The offsets of the old ones stay where they are, see `restore` and `takeOver`. */
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

  /** All lines were added: `text` is what they were read from. */
  complete(text: string): void {
    if (this.fixed) throw new TypeError(FIXED);
    this.text = text;
    this.edition = ++this.editions;
  }

  /** After `clear`: the lines are the old ones after all, octet by octet. */
  restore(text: string, count: number, present: number, edition: number): void {
    this.text = text;
    this.count = count;
    this.present = present;
    this.edition = edition;
  }

  /**
   * After `clear`, with lines added up to number `first`: the lines from there to `end` are the old ones, octet by octet, and begin `start`
   * characters from the section's first. `present`: the bits of their known fields.
   */
  takeOver(first: number, end: number, start: number, present: number): void {
    const { offsets } = this;
    const delta = start - this.nameStart(first);
    if (delta !== 0) move(offsets, first, end, delta);
    this.count = end;
    this.present |= present;
  }

  /** Forgets what was read and gives back more memory than most need. */
  forget(): void {
    this.clear();
    if (this.offsets.length > LINES_FIRST * STRIDE) this.offsets = NO_OFFSETS;
  }

  /** Records a line; offsets count from the first line's first byte. */
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

  /** The last line's value goes on to there, over a line end (see `unfolded`). */
  extendLastLine(textEnd: number): void {
    this.offsets[(this.count - 1) * STRIDE + 3] = textEnd;
  }

  nameStart(index: number): number {
    return this.offsets[index * STRIDE] as number;
  }

  nameEnd(index: number): number {
    return this.offsets[index * STRIDE + 1] as number;
  }

  valueStart(index: number): number {
    return this.offsets[index * STRIDE + 2] as number;
  }

  valueEnd(index: number): number {
    return this.offsets[index * STRIDE + 3] as number;
  }

  knownId(index: number): number {
    return this.offsets[index * STRIDE + 4] as number;
  }

  /** Where that line, its CRLF included, ends. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.text.length;
  }

  name(index: number): string {
    return this.text.slice(this.nameStart(index), this.nameEnd(index));
  }

  value(index: number): string {
    const value = this.text.slice(this.valueStart(index), this.valueEnd(index));
    return (this.present & RESPELLED) === 0 ? value : unfolded(value);
  }

  has(lowerName: string): boolean {
    return this.find(lowerName, 0) >= 0;
  }

  /** The value of the first line of that name (lower case), or undefined. */
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

  /** The value of the first line with that known id, or undefined. */
  knownValue(id: KnownId): string | undefined {
    const index = this.knownIndex(id, 0);
    return index < 0 ? undefined : this.value(index);
  }

  /** The values of all lines with that known id, in order. */
  knownValues(id: KnownId): string[] {
    const found: string[] = [];
    for (let index = this.knownIndex(id, 0); index >= 0; index = this.knownIndex(id, index + 1)) found.push(this.value(index));
    return found;
  }

  /** The first line with that known id, from that line on; -1: none. */
  knownIndex(id: KnownId, from: number): number {
    if ((this.present & ~this.hidden & (1 << id)) === 0) return -1;
    for (let index = from; index < this.count; index++) if (this.knownId(index) === id) return index;
    return -1;
  }

  /** Whether the line's name is that name (lower case). */
  isNamed(index: number, lowerName: string): boolean {
    return this.nameEnd(index) - this.nameStart(index) === lowerName.length && this.name(index).toLowerCase() === lowerName;
  }

  private find(lowerName: string, from: number): number {
    for (let index = from; index < this.count; index++) {
      if ((this.hidden & (1 << this.knownId(index))) === 0 && this.isNamed(index, lowerName)) return index;
    }
    return -1;
  }

  private grow(): void {
    // The offsets of a fixed section have no room: every line that somebody adds to it comes by here.
    if (this.fixed) throw new TypeError(FIXED);
    const larger = new Int32Array(Math.max(LINES_FIRST * STRIDE, this.offsets.length * 2));
    larger.set(this.offsets);
    this.offsets = larger;
  }
}

const FIXED = "the lines of this head stay as they are: others may hold it";

const RESPELLED = bit(Known.respelled);

/** RFC 9112 section 5.2: each line end with the white space around it stands for one SP. */
function unfolded(value: string): string {
  if (!value.includes("\r")) return value;
  const parts = value.split("\r\n").map((part) => trimOws(part));
  return parts.filter((part) => part !== "").join(" ");
}

/** All but the ids, which stay. */
function move(offsets: Int32Array, first: number, end: number, delta: number): void {
  for (let at = first * STRIDE; at < end * STRIDE; at += STRIDE)
    for (let index = at; index < at + STRIDE - 1; index++) offsets[index] = (offsets[index] as number) + delta;
}
