/**
 * Remembers the text that was written when a head was forwarded. If the next message has the same lines, and everything else that the text
 * depends on is the same, the text is used again. See README.md.
 */
import type { FieldEdits } from "../../http/field-edits.ts";
import { NO_NAMES } from "../../http/removed-names.ts";
import type { RemovedNames } from "../../http/removed-names.ts";

/** Longer texts are not remembered, but put together each time. */
const LINES_MAX = 16_384;

export class WrittenHead {
  // Everything that `lines` depends on: the received lines (by their edition), the edits of middleware, and the rest.
  private edition: number = 0;
  private removal: RemovedNames = NO_NAMES;
  private steady: string = "";
  private peer: string = "";
  private circumstances: number = 0;
  /** The last two calls of `knows` had the same arguments. Only then is the text kept: most lines that change do so with every message. */
  private again: boolean = false;
  /** The text after the start line. "": none is kept. */
  private lines: string = "";
  /** The start line of `text`, which is this line followed by `lines`. */
  private start: string = "";
  private text: string = "";
  /** The start line and the remembered lines less the empty line, for lines that follow; and what it was made from. */
  private open: string = "";
  private openStart: string = "";
  private openLines: string = "";
  // The last start of a request that middleware has changed, and what it was made from.
  private method: string = "";
  private target: string = "";
  private host: string = "";
  private changedStart: string = "";
  private readonly latest: LatestHead | null;

  /** @param latest shared with heads that often have the same text, such as the responses of one endpoint. Null: the head shares nothing */
  constructor(latest: LatestHead | null = null) {
    this.latest = latest;
  }

  /**
   * Whether the text for these arguments is remembered. If so, `withStart` returns it. If not, the caller writes the head and passes the
   * text to `keep`.
   * @param edition edition of the received lines
   * @param edits the changes of middleware
   * @param circumstances everything else that the text depends on, as bits that the writer defines
   * @param peer the peer's address in the written lines; "" for none
   */
  knows(edition: number, edits: FieldEdits, circumstances: number, peer: string): boolean {
    this.again = false;
    if (edition !== this.edition) {
      this.edition = edition;
      this.drop();
      return false;
    }
    const { removal, steady } = edits;
    if (removal === this.removal && steady === this.steady && circumstances === this.circumstances && peer === this.peer) {
      this.again = true;
      return this.lines !== "";
    }
    this.removal = removal;
    this.steady = steady;
    this.circumstances = circumstances;
    this.peer = peer;
    this.drop();
    return false;
  }

  /** @param lines the written text after the start line, including the empty line */
  keep(lines: string): void {
    if (!this.again || lines.length > LINES_MAX) return;
    // `join` makes one flat string. V8 would flatten a string made with `+` again at every send.
    const joined = [lines, ""].join("");
    this.lines = this.latest === null ? joined : this.latest.linesLike(joined);
    this.start = "";
    this.text = this.lines;
  }

  /**
   * The start of a request that middleware has changed, as the identical string as long as its parts stay the same: `withStart` then need not
   * compare letters.
   * @param host the Host that middleware has set; its line follows the start line. "": none was set
   */
  startOf(method: string, target: string, host: string): string {
    if (target !== this.target || host !== this.host || method !== this.method) {
      this.method = method;
      this.target = target;
      this.host = host;
      this.changedStart = startText(method, target, host);
    }
    return this.changedStart;
  }

  /** The whole head: that start line and the remembered lines. A Host that middleware has set is a part of the start. */
  withStart(start: string): string {
    if (start !== this.start) {
      this.start = start;
      this.text = this.latest === null ? start + this.lines : this.latest.withStart(start, this.lines);
    }
    return this.text;
  }

  /** As `withStart`, with further lines after the remembered ones. */
  withFresh(start: string, fresh: string): string {
    if (start !== this.openStart || this.lines !== this.openLines) {
      this.openStart = start;
      this.openLines = this.lines;
      this.open = "";
      return withFreshLines(start, this.lines, fresh);
    }
    // Made when it is wanted for a second time, and joined, both for the reasons that `keep` has.
    if (this.open === "") this.open = [start, this.lines.slice(0, -2)].join("");
    return `${this.open}${fresh}\r\n`;
  }

  forget(): void {
    this.edition = 0;
    this.removal = NO_NAMES;
    this.steady = "";
    this.peer = "";
    this.method = "";
    this.target = "";
    this.host = "";
    this.changedStart = "";
    this.drop();
  }

  private drop(): void {
    if (this.lines === "") return;
    this.lines = "";
    this.start = "";
    this.text = "";
    this.open = "";
    this.openStart = "";
    this.openLines = "";
  }
}

/** A head of that start line, those lines, which end with the empty line, and further lines before the empty line. */
export function withFreshLines(start: string, lines: string, fresh: string): string {
  return fresh === "" ? start + lines : `${start}${lines.slice(0, -2)}${fresh}\r\n`;
}

/** The start line of a request and, where `host` is not "", its Host. */
export function startText(method: string, target: string, host: string): string {
  return `${method} ${target} HTTP/1.1\r\n${host === "" ? "" : `Host: ${host}\r\n`}`;
}

/**
 * The head that was put together last, on any connection. Once a second, all connections to an endpoint bring the same new `Date`. They
 * share one text for it: a text for each connection would live long enough for the garbage collector to copy it.
 */
export class LatestHead {
  private start: string = "";
  private lines: string = "";
  private text: string = "";

  /** The same lines, as the string that is kept here if that is equal. */
  linesLike(lines: string): string {
    if (lines !== this.lines) {
      this.lines = lines;
      this.start = "";
      this.text = lines;
    }
    return this.lines;
  }

  /** The whole head: that start line and those lines. */
  withStart(start: string, lines: string): string {
    if (start !== this.start || lines !== this.lines) {
      this.start = start;
      this.lines = lines;
      this.text = start + lines;
    }
    return this.text;
  }
}
