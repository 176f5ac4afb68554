/**
 * How a head was written when it was sent on. Where the next message has the same lines, and what else decides is the same, they are
 * written alike: the text is there already, in one piece.
 */
import type { FieldEdits } from "./field-edits.ts";
import { NO_NAMES } from "./removed-names.ts";
import type { RemovedNames } from "./removed-names.ts";

/** Longer lines are put together each time. */
const LINES_MAX = 16_384;

export class WrittenHead {
  /** Of the lines that were written, and what else they were written by. */
  private edition: number = 0;
  private removal: RemovedNames = NO_NAMES;
  private added: string = "";
  private peer: string = "";
  private circumstances: number = 0;
  /** Asked for again, and so worth keeping: most lines that change do so with every message. */
  private again: boolean = false;
  /** All that was written behind the start line; "": nothing is kept. */
  private lines: string = "";
  private start: string = "";
  private text: string = "";
  private readonly latest: LatestHead | null;

  /** @param latest of heads that are often like those of other connections */
  constructor(latest: LatestHead | null = null) {
    this.latest = latest;
  }

  /**
   * Whether `behind` knows what is written for the lines of that edition. If not, `keep` is told next.
   * @param edits what middleware changes
   * @param circumstances bits of the writer's own
   * @param peer whom the lines name
   */
  knows(edition: number, edits: FieldEdits, circumstances: number, peer: string): boolean {
    this.again = false;
    if (edition !== this.edition) {
      this.edition = edition;
      this.drop();
      return false;
    }
    const { removal, added } = edits;
    if (removal === this.removal && added === this.added && circumstances === this.circumstances && peer === this.peer) {
      this.again = true;
      return this.lines !== "";
    }
    this.removal = removal;
    this.added = added;
    this.circumstances = circumstances;
    this.peer = peer;
    this.drop();
    return false;
  }

  keep(lines: string): void {
    if (!this.again || lines.length > LINES_MAX) return;
    // Joined it is one piece, which is not put together anew for each message.
    const joined = [lines, ""].join("");
    this.lines = this.latest === null ? joined : this.latest.linesLike(joined);
    this.start = "";
    this.text = this.lines;
  }

  /** The whole head with that start line. */
  behind(start: string): string {
    if (start !== this.start) {
      this.start = start;
      this.text = this.latest === null ? start + this.lines : this.latest.behind(start, this.lines);
    }
    return this.text;
  }

  forget(): void {
    this.edition = 0;
    this.removal = NO_NAMES;
    this.added = "";
    this.peer = "";
    this.drop();
  }

  private drop(): void {
    if (this.lines === "") return;
    this.lines = "";
    this.start = "";
    this.text = "";
  }
}

/**
 * The head that was put together last. All connections to an origin bring the same new `Date`, once a second: what is written of it is one
 * text for all of them, and not one for each that grows old with the connection.
 */
export class LatestHead {
  private start: string = "";
  private lines: string = "";
  private text: string = "";

  /** These lines, as the text that is there already if it is the same. */
  linesLike(lines: string): string {
    if (lines !== this.lines) {
      this.lines = lines;
      this.start = "";
      this.text = lines;
    }
    return this.lines;
  }

  behind(start: string, lines: string): string {
    if (start !== this.start || lines !== this.lines) {
      this.start = start;
      this.lines = lines;
      this.text = start + lines;
    }
    return this.text;
  }
}
