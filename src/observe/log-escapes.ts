/** Makes texts that clients sent fit for a line of the log: cuts long ones, and escapes all but printable ASCII. */

/** The most characters of a path that are logged. Heads may be allowed to be much larger. */
export const LOGGED_PATH_MAX = 2048;
/** The most characters of any other text that are logged. A host name has no more (RFC 1035 section 2.3.4). */
export const LOGGED_TEXT_MAX = 255;
/** The most characters of a User-Agent that are logged. Those of browsers have up to 250, those of apps more. */
export const LOGGED_AGENT_MAX = 512;

/** The text, or its first `max` characters and `...`. */
export function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}...` : text;
}

const NEEDS_ESCAPE = /[^ !#-[\]-~]/;
const NEEDS_ESCAPE_BARE = /[^!#-[\]-~]/;

/** The text escaped for the inside of a JSON string. */
export function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text)
    ? JSON.stringify(text)
        .slice(1, -1)
        .replace(/[^ -~]/g, unicodeEscape)
    : text;
}

/** The text escaped for the inside of a quoted word in a text line. */
export function inQuotes(text: string): string {
  return NEEDS_ESCAPE.test(text) ? escaped(text) : text;
}

/** The text as a word of a text line: quoted if it must be, `-` when it is empty. */
export function bare(text: string): string {
  if (text === "") return "-";
  return NEEDS_ESCAPE_BARE.test(text) ? `"${escaped(text)}"` : text;
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replace(/[^ -~]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : unicodeEscape(char);
  });
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
