/**
 * The head of the message before, octet by octet: where the next one has the same start line, the same field lines or both, they need
 * not be read again. It lies in one piece of memory, the start line right before the field lines, so that one comparison knows all of it.
 */
import { Buffer } from "node:buffer";
import { CR, LF } from "./chars.ts";
import { isSame } from "./stable-lines.ts";

/** Longer start lines are read each time. */
const START_LINE_MAX = 256;
/** Memory for the field lines of most heads, of those with large cookies, and of nearly all; longer ones are read each time. */
const ROOMS: readonly number[] = [1024, 4096, 16_384];
/** More is given back when they are forgotten. */
const ROOM_KEPT = 4096;
/** After so many start lines that differed in a row ... */
const DIFFERENT_MAX = 4;
/** ... so many are not compared. */
const PASSED_OVER = 64;
const NOTHING = Buffer.alloc(0);

export class LastHead {
  /** Which field lines they are, by the edition of the head that they were read into; 0: none are remembered. */
  edition: number = 0;
  /** The start line with its CRLF; 0: none is remembered. */
  startLength: number = 0;
  /** The start line up to START_LINE_MAX, the field lines and the empty line behind it. */
  private octets: Buffer = NOTHING;
  /** Of the field lines and the empty line. */
  private linesLength: number = 0;
  private different: number = 0;
  private passOver: number = 0;
  /** `whole` and `place` hold. They are kept until others are needed: most heads change in a date, and not in length. */
  private isPlaced: boolean = false;
  /** All of it, and where it stood last: from the first octet on of a buffer that is fed again and again. */
  private whole: Buffer = NOTHING;
  private place: Buffer = NOTHING;
  private placeIn: Buffer = NOTHING;

  /** How many octets it has if all of it stands at the beginning of `bytes`, before `end`, and stood there before; else 0. */
  lengthAtPlace(bytes: Buffer, end: number): number {
    const { whole } = this;
    if (!this.isPlaced || bytes !== this.placeIn || whole.length > end || Buffer.compare(whole, this.place) !== 0) return 0;
    this.different = 0;
    return whole.length;
  }

  /** It was found at the beginning of `bytes`, in two pieces. Keeps a view of that memory, where it is looked for from now on. */
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

  /** How many octets the start line has if all of it stands at `at`, before `end`; else 0. */
  startLengthAt(bytes: Buffer, at: number, end: number): number {
    const { octets, startLength } = this;
    if (startLength === 0 || end - at < startLength) return 0;
    const delta = START_LINE_MAX - startLength - at;
    for (let index = at; index < at + startLength; index++) if (bytes[index] !== octets[index + delta]) return 0;
    this.different = 0;
    return startLength;
  }

  /** Another start line was read. */
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

  /** Other field lines were read, the empty line behind them included. */
  rememberLines(bytes: Buffer, start: number, end: number, edition: number): void {
    const length = end - start;
    if (!this.makeRoom(length)) return;
    this.isPlaced = false;
    bytes.copy(this.octets, START_LINE_MAX, start, end);
    this.linesLength = length;
    this.edition = edition;
  }

  /** How many octets the field lines and the empty line have if all of them stand at `at`, before `end`; else 0. */
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

  /** For that many octets behind the start line; false: they are too many. */
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
