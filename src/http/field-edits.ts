import type { BodyLength } from "./body-length.ts";
import { NO_NAMES } from "./removed-names.ts";
import type { RemovedNames } from "./removed-names.ts";
import type { ReplacedNames } from "./replaced-names.ts";
import { FIELD_VALUE, TOKEN } from "./syntax.ts";

/**
 * Changes of middleware to the fields of one head: removed names and added lines. They are collected first and applied when the head is
 * written. The object is reused for one exchange after another, see `reset`.
 *
 * The writer of a head reuses its previous text if the received lines, `removal` (one object per list of names) and the text of `steady`
 * are the same. So removing and adding the same each time costs almost nothing: middleware should pass constant names, and lines that it
 * made with `fieldLine` when it was built.
 */
export class FieldEdits {
  /** The names whose received lines are not passed on. */
  removal: RemovedNames = NO_NAMES;
  /** The added lines as text, `name: value\r\n`, that the next head will probably have as well. */
  steady: string = "";
  /** The added lines that only this head has, such as an id. They follow the others, and do not keep the writer from using its text again. */
  fresh: string = "";
  /** The names of the lines in `fresh`; null where several calls have added some. */
  private freshNames: ReplacedNames | null = null;
  /** The length of a body that replaces the received one. Null: the received body is sent. */
  bodyLength: BodyLength | null = null;
  /** The n-th joins the lines of the n-th `appendLines` to those before. */
  private readonly joins: Join[] = [];
  private joinCount: number = 0;

  /** All added lines. */
  get added(): string {
    return this.fresh === "" ? this.steady : this.steady + this.fresh;
  }

  /** The lower-case names whose received lines are not passed on. */
  get removed(): readonly string[] {
    return this.removal.names;
  }

  /** Forgets all edits, for the next head. */
  reset(): void {
    this.removal = NO_NAMES;
    this.steady = "";
    this.fresh = "";
    this.bodyLength = null;
    this.joinCount = 0;
  }

  /** Removes every received line of that name (lower case). Throws a TypeError for Host, Content-Length and Transfer-Encoding. */
  remove(name: string): void {
    this.removal = this.removal.and(name);
  }

  /** Adds a line; received lines of the same name stay. Throws a TypeError as `fieldLine` does. */
  append(name: string, value: string): void {
    this.steady += fieldLine(name, value);
  }

  /** Adds lines that `fieldLine` made. They are not checked again. */
  appendLines(lines: string): void {
    this.steady = this.steady === "" ? lines : this.joined(lines);
  }

  private joined(lines: string): string {
    const join = (this.joins[this.joinCount++] ??= new Join());
    return join.of(this.steady, lines);
  }

  /**
   * Removes the lines of these names, those too that another middleware has added, and then adds lines that `fieldLine` made. Costs almost nothing
   * when `names` and `lines` are made once.
   */
  replaceLines(names: ReplacedNames, lines: string): void {
    this.removal = names.removalAfter(this.removal);
    this.steady = names.linesAfter(this.steady);
    if (this.fresh !== "" && (this.freshNames === null || names.replacesSomeOf(this.freshNames))) this.fresh = names.without(this.fresh);
    if (lines !== "") this.appendLines(lines);
  }

  /** As `replaceLines`, for lines that are other ones in each head. */
  replaceByFresh(names: ReplacedNames, lines: string): void {
    this.replaceLines(names, "");
    this.freshNames = this.fresh === "" ? names : null;
    this.fresh += lines;
  }

  /** Replaces all lines of that name by one, those too that were added before. Throws a TypeError as `fieldLine` does. */
  set(name: string, value: string): void {
    const line = fieldLine(name, value);
    const lower = name.toLowerCase();
    this.remove(lower);
    this.steady = withoutLines(this.steady, lower) + line;
    this.fresh = withoutLines(this.fresh, lower);
  }
}

/**
 * Joins two texts, and returns the identical string as long as both stay the same. The lines that a route's middleware adds are compared
 * with those added to the previous head; identical strings compare at once, newly joined ones would be compared letter by letter.
 */
class Join {
  private first: string = "";
  private second: string = "";
  private text: string = "";

  of(first: string, second: string): string {
    if (first !== this.first || second !== this.second) {
      this.first = first;
      this.second = second;
      this.text = first + second;
    }
    return this.text;
  }
}

/** The lines less those of that name (lower case). */
function withoutLines(lines: string, name: string): string {
  let kept = lines;
  for (let start = 0; start < kept.length;) {
    const end = kept.indexOf("\r\n", start) + 2;
    if (kept.charCodeAt(start + name.length) === COLON && kept.slice(start, start + name.length).toLowerCase() === name)
      kept = kept.slice(0, start) + kept.slice(end);
    else start = end;
  }
  return kept;
}

/** The values of the lines of that name (lower case), in lines that `fieldLine` made. */
export function addedValues(lines: string, name: string): string[] {
  return lines
    .split("\r\n")
    .flatMap((line) => (line.slice(0, name.length + 1).toLowerCase() === `${name}:` ? [line.slice(name.length + 2)] : []));
}

const COLON = 0x3a;

/** Whether only the proxy writes fields of that name: Host, framing, and fields about one connection. */
export function isOwnField(name: string): boolean {
  return OWN.test(name);
}

const OWN = /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|upgrade|proxy-connection|http2-settings)$/i;

/**
 * Makes the line `name: value\r\n`. Throws a TypeError for a name that is no token, for a value with a control character or a character
 * above U+00FF, and for a field that only the proxy writes: with a second Content-Length or Host, some recipients would read another
 * message (RFC 9112 section 11).
 */
export function fieldLine(name: string, value: string): string {
  if (isObject(name) || isObject(value)) throw new TypeError("a field is made of two texts");
  if (!TOKEN.test(name)) throw new TypeError(`the field name ${JSON.stringify(name)} is not a token`);
  if (!FIELD_VALUE.test(value)) throw new TypeError(`the value of field ${JSON.stringify(name)} holds a character that it must not`);
  if (isOwnField(name)) throw new TypeError(`the field ${name} is the proxy's to write`);
  return `${name}: ${value}\r\n`;
}

/** Code without types may give an object, which could be one text when it is checked and another one when it is written. */
function isObject(given: unknown): boolean {
  return typeof given === "object" || typeof given === "function";
}
