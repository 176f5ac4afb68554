/**
 * The text that was written for a head when it was sent on. If the next message has the same lines, and all else that decides is the same,
 * then it is written alike, and the text is there already in one piece. See README.md.
 */
import type { FieldEdits } from "../../http/field-edits.ts";
import { NO_NAMES } from "../../http/removed-names.ts";
import type { RemovedNames } from "../../http/removed-names.ts";

/** Longer ones are not kept, but put together each time. */
const LINES_MAX = 16_384;

export class WrittenHead {
  // What `lines` were written from: the received lines by their edition, the edits of middleware, the rest.
  private edition: number = 0;
  private removal: RemovedNames = NO_NAMES;
  private added: string = "";
  private peer: string = "";
  private circumstances: number = 0;
  /** The same was asked for before. Only then is it kept, for most lines that change do so with every message. */
  private again: boolean = false;
  /** All that was written after the start line; "": nothing is kept. */
  private lines: string = "";
  /** The start line that `text` begins with; the rest of `text` is `lines`. */
  private start: string = "";
  private text: string = "";
  private readonly latest: LatestHead | null;

  /** @param latest shared with other heads that often say the same, such as those of one endpoint's responses; null: there are none */
  constructor(latest: LatestHead | null = null) {
    this.latest = latest;
  }

  /**
   * Whether the text for these lines is kept: then `withStart` gives it. If not, the caller writes the head and gives it to `keep`.
   * @param edition of the received lines
   * @param edits what middleware changes
   * @param circumstances everything else that decides, as bits whose meaning is the writer's own
   * @param peer the address that the lines name; "" for none
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

  /** @param lines what was written after the start line, the empty line included */
  keep(lines: string): void {
    if (!this.again || lines.length > LINES_MAX) return;
    // `join` makes one flat text. A text made with `+` would be put together anew whenever it is sent.
    const joined = [lines, ""].join("");
    this.lines = this.latest === null ? joined : this.latest.linesLike(joined);
    this.start = "";
    this.text = this.lines;
  }

  /** The kept lines after that start line: the whole head. */
  withStart(start: string): string {
    if (start !== this.start) {
      this.start = start;
      this.text = this.latest === null ? start + this.lines : this.latest.withStart(start, this.lines);
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
 * The head that was put together last, on whatever connection. All connections to an endpoint bring the same new `Date` once a second: what
 * is written of it is one text for all of them. One text for each would live as long as its connection, and the garbage collector would
 * copy it.
 */
export class LatestHead {
  private start: string = "";
  private lines: string = "";
  private text: string = "";

  /** Those lines, as the text that is here already if it is equal. */
  linesLike(lines: string): string {
    if (lines !== this.lines) {
      this.lines = lines;
      this.start = "";
      this.text = lines;
    }
    return this.lines;
  }

  /** Those lines after that start line. */
  withStart(start: string, lines: string): string {
    if (start !== this.start || lines !== this.lines) {
      this.start = start;
      this.lines = lines;
      this.text = start + lines;
    }
    return this.text;
  }
}
