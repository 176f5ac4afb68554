/**
 * Which field lines of a connection's messages stay the same from one to the next. Most of them do: a browser's requests differ in
 * their target, in `Referer` and perhaps one field more. Lines that stay are known by one comparison of their octets with those of the
 * message before, and need not be read again; what was found in them holds.
 */
import { Buffer } from "node:buffer";
import type { FieldSection } from "../http/field-section.ts";
import { Known, bit } from "../http/known-fields.ts";

/** Lines that follow each other and have stayed the same. */
export interface StableRun {
  /** The first of them and the one behind the last, as numbers of lines. */
  readonly first: number;
  readonly end: number;
  /** All of them with the CRLF of each. */
  readonly bytes: Buffer;
  /** Bits of their known fields. */
  readonly present: number;
}

/** Node's own method: it compares without a copy. */
type ComparedBuffer = Buffer & { compare(other: Buffer, otherStart: number, otherEnd: number, start: number, end: number): number };

/** Whether `octets[from, to)` are those of `bytes[start, end)`, which are as many. */
export function isSame(octets: Buffer, from: number, to: number, bytes: Buffer, start: number, end: number): boolean {
  return (bytes as ComparedBuffer).compare(octets, from, to, start, end) === 0;
}

export const NO_RUNS: readonly StableRun[] = [];

/** A connection whose messages go on differing in new lines is not looked at any more: it costs more than it brings. */
const LESSONS_MAX = 16;
/** A run of fewer characters is read as fast as compared. */
const RUN_CHARACTERS_MIN = 32;
/** Numbers of lines are bits of a small integer. */
const LINES_MAX = 30;

export class StableLines {
  runs: readonly StableRun[] = NO_RUNS;
  private lessons: number = 0;
  /** Bits of the lines that have changed. */
  private changing: number = 0;

  /**
   * A message was read otherwise than by the runs: its lines have taken the places of those before, and the runs are made anew, or are
   * none. `before` and `now`: the text of the lines of two messages in a row; `section` holds those of now.
   */
  learn(before: string, now: string, section: FieldSection): void {
    this.runs = NO_RUNS;
    if (before === "" || this.lessons >= LESSONS_MAX) return;
    const known = this.changing;
    const [old, lines] = [before.split("\r\n"), now.split("\r\n")];
    // Which line is which cannot be told where there are more or fewer; that some are respelled is known of all lines together.
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
