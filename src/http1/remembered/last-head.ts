/**
 * The octets of the last head. If the next message has the same start line, the same field lines or both, they are not read again. They
 * lie in one piece of memory, the start line right before the field lines, so that one comparison is enough for all of it. See README.md.
 */
import { Buffer } from "node:buffer";
import { CR, LF } from "../chars.ts";
import { isSame } from "./stable-lines.ts";

/** Longer start lines are not kept, but read each time. */
const START_LINE_MAX = 256;
/** Sizes of the memory for field lines: enough for most heads, for those with large cookies, and for nearly all. Longer ones are not kept. */
const ROOMS: readonly number[] = [1024, 4096, 16_384];
/** Larger memory is given back by `forget`. */
const ROOM_KEPT = 4096;
/** After so many start lines in a row that differed from the one before, PASSED_OVER start lines are neither kept nor compared. */
const DIFFERENT_MAX = 4;
const PASSED_OVER = 64;
const NOTHING = Buffer.alloc(0);

export class LastHead {
  /** The edition of the field lines in the head that they were read into; 0: no field lines are kept. */
  edition: number = 0;
  /** Octets of the start line with its CRLF; 0: no start line is kept. */
  startLength: number = 0;
  /** The start line ends at START_LINE_MAX; the field lines and the empty line begin there. */
  private octets: Buffer = NOTHING;
  /** Octets of the field lines and the empty line. */
  private linesLength: number = 0;
  /** Start lines in a row that differed. */
  private different: number = 0;
  /** Start lines that are still to be passed over. */
  private passOver: number = 0;
  /** `whole` and `place` have equal lengths and mean this head. The views stay when it changes, for most heads change in a date alone. */
  private isPlaced: boolean = false;
  /** A view of the kept head, and a view of where it was found last: the beginning of `placeIn`, a buffer that is fed again and again. */
  private whole: Buffer = NOTHING;
  private place: Buffer = NOTHING;
  private placeIn: Buffer = NOTHING;

  /** Octets of the head, if all of it stands at the beginning of `bytes`, before `end`, and was found there before; else 0. */
  lengthAtPlace(bytes: Buffer, end: number): number {
    const { whole } = this;
    if (!this.isPlaced || bytes !== this.placeIn || whole.length > end || Buffer.compare(whole, this.place) !== 0) return 0;
    this.different = 0;
    return whole.length;
  }

  /** The head was found at the beginning of `bytes`, by two comparisons. From now on it is looked for there by one: keeps a view of it. */
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

  /** Octets of the start line, if all of it stands at `at`, before `end`; else 0. */
  startLengthAt(bytes: Buffer, at: number, end: number): number {
    const { octets, startLength } = this;
    if (startLength === 0 || end - at < startLength) return 0;
    const delta = START_LINE_MAX - startLength - at;
    for (let index = at; index < at + startLength; index++) if (bytes[index] !== octets[index + delta]) return 0;
    this.different = 0;
    return startLength;
  }

  /** `bytes[start, end)` is a start line that was read and is another one. */
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

  /** `bytes[start, end)` are field lines and their empty line, which were read and are others. */
  rememberLines(bytes: Buffer, start: number, end: number, edition: number): void {
    const length = end - start;
    if (!this.makeRoom(length)) return;
    this.isPlaced = false;
    bytes.copy(this.octets, START_LINE_MAX, start, end);
    this.linesLength = length;
    this.edition = edition;
  }

  /** Octets of the field lines and the empty line, if all of them stand at `at`, before `end`; else 0. */
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

  /** Makes room for that many octets of field lines; false: they are too many. */
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
