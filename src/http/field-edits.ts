/**
 * The edits that middleware and the forwarding rules make to a head's fields: removals, replacements and additions, collected
 * first and applied when the head is serialised. Reused from exchange to exchange by `reset`.
 */
export class FieldEdits {
  /** Lower-case names whose received lines are not passed on. */
  readonly removed: string[] = [];
  /** Added lines, serialised: `name: value\r\n`. */
  added: string = "";

  reset(): void {
    if (this.removed.length > 0) this.removed.length = 0;
    this.added = "";
  }

  /** Drop every received line of that name (lower case). */
  remove(name: string): void {
    this.removed.push(name);
  }

  /** Add a line; received lines of the same name stay. Throws on CR, LF or NUL: a head is never built from unchecked text. */
  append(name: string, value: string): void {
    this.added += fieldLine(name, value);
  }

  /** Add lines that `fieldLine` made. */
  appendLines(lines: string): void {
    this.added += lines;
  }

  /** Replace all received lines of that name. */
  set(name: string, value: string): void {
    this.removed.push(name.toLowerCase());
    this.added += fieldLine(name, value);
  }
}

const UNSAFE = /[\r\n\0]/;

/** `name: value\r\n`; throws a TypeError on CR, LF or NUL in either (RFC 9112 section 11.1). */
export function fieldLine(name: string, value: string): string {
  if (UNSAFE.test(name) || UNSAFE.test(value)) throw new TypeError(`field ${JSON.stringify(name)} holds a control character`);
  return `${name}: ${value}\r\n`;
}
