/**
 * Which field lines of a connection's messages stay the same from one to the next. Most of them do: a browser's requests differ in
 * their target, in `Referer` and perhaps in one more field. Lines that stay are recognised by one comparison of their octets and are not
 * read again. See README.md.
 */
import { Buffer } from "node:buffer";
import type { FieldSection } from "../../http/field-section.ts";
import { Known, bit } from "../../http/known-fields.ts";

/** Lines next to each other that have stayed the same. */
export interface StableRun {
  /** The number of the first line, and of the line after the last. */
  readonly first: number;
  readonly end: number;
  /** The lines, each with its CRLF. */
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

/** How often a connection's messages may differ in new lines. After that its lines are not compared any more: it costs more than it saves. */
const LESSONS_MAX = 16;
/** A shorter run is read as fast as it is compared. */
const RUN_CHARACTERS_MIN = 32;
/** Lines are counted in the bits of a small integer. */
const LINES_MAX = 30;

export class StableLines {
  runs: readonly StableRun[] = NO_RUNS;
  private lessons: number = 0;
  /** One bit for each line that has changed so far. */
  private changing: number = 0;

  /**
   * Makes the runs anew after a message that was not read by them.
   * @param before the text of the field lines of the message before
   * @param now the same of this message
   * @param section the field lines of this message
   */
  learn(before: string, now: string, section: FieldSection): void {
    this.runs = NO_RUNS;
    if (before === "" || this.lessons >= LESSONS_MAX) return;
    const known = this.changing;
    const [old, lines] = [before.split("\r\n"), now.split("\r\n")];
    // With more or fewer lines it is not clear which line is which. `respelled` is a bit of the whole section, not of a run.
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
