/**
 * Counts the parts of a body of the type `multipart` while it passes (RFC 2046 section 5.1), wherever it is split.
 *
 * Programs differ in what they take for a delimiter: some want a line of its own, some any line end before it, some none. The text of a delimiter must not occur within a part,
 * so every occurrence counts here, and no program sees more parts than are counted.
 */
import { latin1 } from "../../base/latin1.ts";

export interface PartLimits {
  /** Parts of one body. */
  readonly parts: number;
  /** Bytes between two delimiters: a part with its head. */
  readonly partBytes: number;
  /** Bytes of the head of a part. */
  readonly headBytes: number;
}

/** What a body exceeds, or `syntax`: it does not end with its last delimiter. */
export type PartsFault = "parts" | "part" | "head" | "syntax";

/** A boundary as RFC 2046 has it: up to 70 characters, the last of which is no space. */
export function isBoundary(text: string): boolean {
  return /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/.test(text);
}

const CLOSING = "--";
/** The empty line after a head, by whichever line ends. */
const EMPTY_LINE = /\r?\n\r?\n|\r\r/g;
/** Characters of an empty line at most. */
const EMPTY_LINE_LENGTH = 4;

export class PartCounter {
  private readonly delimiter: string;
  private readonly limits: PartLimits;
  /** What may be the beginning of a delimiter. */
  private rest: string = "";
  private parts: number = 0;
  /** Bytes since the last delimiter. */
  private bytes: number = 0;
  /** The head of the part so far; null: it has ended, or no part is open. */
  private head: string | null = null;
  private hasEnded: boolean = false;

  constructor(boundary: string, limits: PartLimits) {
    this.delimiter = `--${boundary}`;
    this.limits = limits;
  }

  /** Takes the next bytes. What they exceed; null: nothing. */
  add(bytes: Uint8Array, start: number, end: number): PartsFault | null {
    const text = this.rest + latin1(bytes, start, end);
    let from = 0;
    for (;;) {
      const at = text.indexOf(this.delimiter, from);
      if (at < 0) break;
      const after = at + this.delimiter.length;
      // Whether it closes the body is not known yet.
      if (after + CLOSING.length > text.length) {
        this.rest = text.slice(at);
        return this.content(text, from, at);
      }
      const fault = this.content(text, from, at) ?? this.begin(text.startsWith(CLOSING, after));
      if (fault !== null) return fault;
      from = after;
    }
    const last = Math.max(from, text.length - this.delimiter.length + 1);
    this.rest = text.slice(last);
    return this.content(text, from, last);
  }

  /** The body is complete. */
  end(): PartsFault | null {
    return this.hasEnded ? this.content(this.rest, 0, this.rest.length) : "syntax";
  }

  private begin(isClosing: boolean): PartsFault | null {
    this.bytes = 0;
    this.hasEnded = isClosing;
    this.head = isClosing ? null : "";
    if (!isClosing) this.parts++;
    return this.parts > this.limits.parts ? "parts" : null;
  }

  private content(text: string, from: number, end: number): PartsFault | null {
    this.bytes += end - from;
    if (this.bytes > this.limits.partBytes) return "part";
    if (this.head === null) return null;
    EMPTY_LINE.lastIndex = Math.max(0, this.head.length - EMPTY_LINE_LENGTH);
    // No more than decides is joined to it.
    this.head += text.slice(from, Math.min(end, from + this.limits.headBytes + EMPTY_LINE_LENGTH + 1));
    const found = EMPTY_LINE.exec(this.head);
    // What may be the beginning of the empty line is not of the head.
    const length = found?.index ?? this.head.replace(/[\r\n]{1,3}$/, "").length;
    if (length > this.limits.headBytes) return "head";
    if (found !== null) this.head = null;
    return null;
  }
}
