/**
 * Learns which field lines stay the same from one message of a connection to the next. Most of them do: a browser's requests differ in
 * their target, in `Referer` and perhaps in one more field. A reader recognises runs of such lines by comparing octets, and need not read
 * them again. See README.md.
 */
import { Buffer } from "node:buffer";
import type { FieldSection } from "../../http/field-section.ts";
import { Known, bit } from "../../http/known-fields.ts";

/** Adjacent lines that have stayed the same. */
export interface StableRun {
  /** Index of the first line, and below, of the line after the last. */
  readonly first: number;
  readonly end: number;
  /** The lines, each with its CRLF. */
  readonly bytes: Buffer;
  /** Bits of their known fields. */
  readonly present: number;
}

/** Buffer.compare with offsets, typed for how it is called here. It compares without copying. */
type ComparedBuffer = Buffer & { compare(other: Buffer, otherStart: number, otherEnd: number, start: number, end: number): number };

/** Whether `octets[from, to)` equals `bytes[start, end)`, which has the same length. */
export function isSame(octets: Buffer, from: number, to: number, bytes: Buffer, start: number, end: number): boolean {
  return (bytes as ComparedBuffer).compare(octets, from, to, start, end) === 0;
}

export const NO_RUNS: readonly StableRun[] = [];

/** How often further lines may turn out to change. After that, no runs are made for the connection: they cost more than they save. */
const LESSONS_MAX = 16;
/** Shorter runs are not made: they are read as fast as they are compared. */
const RUN_CHARACTERS_MIN = 32;
/** Most lines of a section: each has one bit of a small integer. */
const LINES_MAX = 30;

export class StableLines {
  /** The runs to compare the next message with. */
  runs: readonly StableRun[] = NO_RUNS;
  private lessons: number = 0;
  /** One bit for each line that has changed so far. */
  private changing: number = 0;

  /**
   * Makes new runs after a message that was read line by line.
   * @param before text of the previous message's field lines
   * @param now text of this message's field lines
   * @param section field lines of this message
   */
  learn(before: string, now: string, section: FieldSection): void {
    this.runs = NO_RUNS;
    if (before === "" || this.lessons >= LESSONS_MAX) return;
    const known = this.changing;
    const [old, lines] = [before.split("\r\n"), now.split("\r\n")];
    // If the number of lines differs, it is not clear which line became which. `respelled` is a bit of the whole section, not of one run.
    if (old.length !== lines.length || section.count > LINES_MAX || (section.present & bit(Known.respelled)) !== 0) {
      this.changing = 0;
      this.lessons++;
      return;
    }
    for (let line = 0; line < section.count; line++) if (old[line] !== lines[line]) this.changing |= 1 << line;
    if (this.changing !== known) this.lessons++;
    if (this.changing !== 0) this.runs = this.runsOf(lines, section);
  }

  forget(): void {
    this.runs = NO_RUNS;
    this.lessons = 0;
    this.changing = 0;
  }

  private runsOf(lines: readonly string[], section: FieldSection): readonly StableRun[] {
    const runs: StableRun[] = [];
    for (let first = 0; first < section.count; first++) {
      let end = first;
      let text = "";
      let present = 0;
      for (; end < section.count && (this.changing & (1 << end)) === 0; end++) {
        text += `${lines[end] ?? ""}\r\n`;
        present |= 1 << section.knownId(end);
      }
      if (text.length >= RUN_CHARACTERS_MIN) runs.push({ first, end, bytes: Buffer.from(text, "latin1"), present });
      first = end;
    }
    return runs.length === 0 ? NO_RUNS : runs;
  }
}
