/** The field lines of the message before. Where the next one has the same, octet by octet, they need not be read again. */
import { Buffer } from "node:buffer";
import { CR, LF } from "./chars.ts";
import { isSame } from "./stable-lines.ts";

/** Room for the lines of most heads, of those with large cookies, and of nearly all; longer ones are read each time. */
const ROOMS: readonly number[] = [1024, 4096, 16_384];
/** More is given back when they are forgotten. */
const ROOM_KEPT = 4096;
const NO_OCTETS = Buffer.alloc(0);

export class LastLines {
  /** Which lines they are, by the edition of the head that they were read into; 0: none are remembered. */
  edition: number = 0;
  private octets: Buffer = NO_OCTETS;
  private length: number = 0;

  remember(bytes: Buffer, start: number, end: number, edition: number): void {
    const length = end - start;
    if (length > this.octets.length) {
      const room = ROOMS.find((each) => each >= length);
      if (room === undefined) return;
      this.octets = Buffer.allocUnsafeSlow(room);
    }
    bytes.copy(this.octets, 0, start, end);
    this.length = length;
    this.edition = edition;
  }

  /** How many octets the section has that they and its empty line make if all of it stands at `at`, before `end`; else 0. */
  lengthAt(bytes: Buffer, at: number, end: number): number {
    const { length } = this;
    const linesEnd = at + length;
    if (length === 0 || linesEnd + 2 > end || bytes[linesEnd] !== CR || bytes[linesEnd + 1] !== LF) return 0;
    return isSame(this.octets, length, bytes, at, linesEnd) ? length + 2 : 0;
  }

  forget(): void {
    this.edition = 0;
    if (this.octets.length > ROOM_KEPT) this.octets = NO_OCTETS;
  }
}
