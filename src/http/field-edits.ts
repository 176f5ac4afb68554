import type { BodyLength } from "./body-length.ts";
import { NO_NAMES } from "./removed-names.ts";
import type { RemovedNames } from "./removed-names.ts";

/**
 * What middleware changes in the fields of one head: names whose lines are taken out, and lines that are added. The edits are collected
 * first and applied when the head is written. One object serves exchange after exchange, see `reset`.
 *
 * A writer knows a head that it has written before by its lines, by `removal`, which is one object for each list of names, and by the
 * text of `added`. So a middleware that removes and adds the same each time costs next to nothing: it should pass names as constants and
 * lines that `fieldLine` made when it was built.
 */
export class FieldEdits {
  /** The names whose received lines are not passed on. */
  removal: RemovedNames = NO_NAMES;
  /** The added lines as text: `name: value\r\n`. */
  added: string = "";
  /** The body that follows is another one than the received head speaks of, and has this length. Null: it is the received one. */
  bodyLength: BodyLength | null = null;
  /** One for each time that lines were added to others. */
  private readonly joins: Join[] = [];
  private joinCount: number = 0;

  /** The lower-case names whose received lines are not passed on. */
  get removed(): readonly string[] {
    return this.removal.names;
  }

  reset(): void {
    this.removal = NO_NAMES;
    this.added = "";
    this.bodyLength = null;
    this.joinCount = 0;
  }

  /** Drop every received line of that name (lower case). Throws a TypeError for Host and for what says how long the body is. */
  remove(name: string): void {
    this.removal = this.removal.and(name);
  }

  /** Add a line; received lines of the same name stay. Throws as `fieldLine` does: a head is never built from unchecked text. */
  append(name: string, value: string): void {
    this.added += fieldLine(name, value);
  }

  /** Add lines that `fieldLine` made. */
  appendLines(lines: string): void {
    this.added = this.added === "" ? lines : this.joined(lines);
  }

  private joined(lines: string): string {
    const join = (this.joins[this.joinCount++] ??= new Join());
    return join.of(this.added, lines);
  }

  /** Replace all received lines of that name. */
  set(name: string, value: string): void {
    this.added += fieldLine(name, value);
    this.remove(name.toLowerCase());
  }
}

/**
 * Two texts as one, which is the same text as long as both are the same. What several middlewares of a route add is compared with what they
 * added to the head before: a text that was just put together would be compared letter by letter.
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

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5: nothing above one byte either, for of a larger character the wire gets the lower byte, which may be a line end. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that the proxy writes itself: whom a message is for, where it ends, and what holds for one connection only. */
const OWN = /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|upgrade|proxy-connection|http2-settings)$/i;

/**
 * `name: value\r\n`. Throws a TypeError for a name that is no token, for a value with a control character or one above U+00FF, and for a field
 * that the proxy writes itself: a second Content-Length or Host would be a second message to some recipient (RFC 9112 section 11).
 */
export function fieldLine(name: string, value: string): string {
  if (!TOKEN.test(name)) throw new TypeError(`the field name ${JSON.stringify(name)} is not a token`);
  if (!VALUE.test(value)) throw new TypeError(`the value of field ${JSON.stringify(name)} holds a character that it must not`);
  if (OWN.test(name)) throw new TypeError(`the field ${name} is the proxy's to write`);
  return `${name}: ${value}\r\n`;
}
