/**
 * Remembers the octets of the last head on a connection. If the next message has the same start line, the same field lines or both, the
 * reader need not read them again. Start line and field lines are adjacent in one piece of memory, so that one comparison covers both. See
 * README.md.
 */
import { Buffer } from "node:buffer";
import { CR, LF } from "../chars.ts";
import { isSame } from "./stable-lines.ts";

/** Longer start lines are not remembered, but read each time. */
const START_LINE_MAX = 256;
/** Sizes of the memory for field lines: enough for most heads, for those with large cookies, for nearly all. Longer ones are not kept. */
const ROOMS: readonly number[] = [1024, 4096, 16_384];
/** `forget` frees memory of a larger size than this. */
const ROOM_KEPT = 4096;
/** After more than this many different start lines in a row, the next PASSED_OVER ones are neither remembered nor compared. */
const DIFFERENT_MAX = 4;
const PASSED_OVER = 64;
const NOTHING = Buffer.alloc(0);

export class LastHead {
  /** The edition (see FieldSection) of the remembered field lines. 0: none are remembered. */
  edition: number = 0;
  /** Length of the remembered start line with its CRLF. 0: none is remembered. */
  startLength: number = 0;
  /** The start line ends at offset START_LINE_MAX; the field lines and the empty line begin there. */
  private octets: Buffer = NOTHING;
  /** Length of the remembered field lines and the empty line. */
  private linesLength: number = 0;
  /** How many start lines in a row were different. */
  private different: number = 0;
  /** How many further start lines are neither remembered nor compared. */
  private passOver: number = 0;
  /** Whether `whole` and `place` are views for the current head. The view objects are reused for the next head of the same length. */
  private isPlaced: boolean = false;
  /** `whole`: a view of the remembered head. `place`: a view of the place where it was read, the beginning of the read buffer `placeIn`. */
  private whole: Buffer = NOTHING;
  private place: Buffer = NOTHING;
  private placeIn: Buffer = NOTHING;

  /** Length of the remembered head, if `bytes` begins with all of it, before `end`, and its place there is known. Otherwise 0. */
  lengthAtPlace(bytes: Buffer, end: number): number {
    const { whole } = this;
    if (!this.isPlaced || bytes !== this.placeIn || whole.length > end || Buffer.compare(whole, this.place) !== 0) return 0;
    this.different = 0;
    return whole.length;
  }

  /** Call when two comparisons found the head at the beginning of `bytes`. Keeps a view of that place for `lengthAtPlace`. */
  rememberPlace(bytes: Buffer): void {
    const { octets, whole, place, startLength } = this;
    const length = startLength + this.linesLength;
    const from = START_LINE_MAX - startLength;
    if (whole.buffer !== octets.buffer || whole.byteOffset !== octets.byteOffset + from || whole.length !== length) {
      this.whole = octets.subarray(from, from + length);
    }
    if (place.length !== length || this.placeIn !== bytes) this.place = bytes.subarray(0, length);
    this.placeIn = bytes;
    this.isPlaced = true;
  }

  /** Length of the remembered start line, if all of it is at `at`, before `end`. Otherwise 0. */
  startLengthAt(bytes: Buffer, at: number, end: number): number {
    const { octets, startLength } = this;
    if (startLength === 0 || end - at < startLength) return 0;
    const delta = START_LINE_MAX - startLength - at;
    for (let index = at; index < at + startLength; index++) if (bytes[index] !== octets[index + delta]) return 0;
    this.different = 0;
    return startLength;
  }

  /** Remembers a new start line: `bytes[start, end)`. */
  rememberStart(bytes: Buffer, start: number, end: number): void {
    this.isPlaced = false;
    this.startLength = 0;
    if (this.passOver > 0) {
      this.passOver--;
      return;
    }
    if (++this.different > DIFFERENT_MAX) {
      this.different = 0;
      this.passOver = PASSED_OVER;
    }
    const length = end - start;
    if (length > START_LINE_MAX) return;
    this.startLength = length;
    this.makeRoom(0);
    bytes.copy(this.octets, START_LINE_MAX - length, start, end);
  }

  /** Remembers new field lines and their empty line: `bytes[start, end)`. */
  rememberLines(bytes: Buffer, start: number, end: number, edition: number): void {
    const length = end - start;
    if (!this.makeRoom(length)) return;
    this.isPlaced = false;
    bytes.copy(this.octets, START_LINE_MAX, start, end);
    this.linesLength = length;
    this.edition = edition;
  }

  /** Length of the remembered field lines and the empty line, if all of them are at `at`, before `end`. Otherwise 0. */
  linesLengthAt(bytes: Buffer, at: number, end: number): number {
    const { linesLength } = this;
    const linesEnd = at + linesLength;
    if (linesLength === 0 || linesEnd > end || bytes[linesEnd - 2] !== CR || bytes[linesEnd - 1] !== LF) return 0;
    return isSame(this.octets, START_LINE_MAX, START_LINE_MAX + linesLength, bytes, at, linesEnd) ? linesLength : 0;
  }

  forget(): void {
    this.edition = 0;
    this.startLength = 0;
    this.linesLength = 0;
    this.different = 0;
    this.passOver = 0;
    this.isPlaced = false;
    this.whole = NOTHING;
    this.place = NOTHING;
    this.placeIn = NOTHING;
    if (this.octets.length > START_LINE_MAX + ROOM_KEPT) this.octets = NOTHING;
  }

  /** Makes room for field lines of that length. False: they are too long to remember. */
  private makeRoom(length: number): boolean {
    const { octets, startLength } = this;
    if (START_LINE_MAX + length <= octets.length && octets.length > 0) return true;
    const room = ROOMS.find((each) => each >= length);
    if (room === undefined) return false;
    this.octets = Buffer.allocUnsafeSlow(START_LINE_MAX + room);
    if (octets.length > 0) octets.copy(this.octets, START_LINE_MAX - startLength, START_LINE_MAX - startLength, START_LINE_MAX);
    return true;
  }
}
