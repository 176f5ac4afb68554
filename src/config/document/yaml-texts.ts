/**
 * Messages about text that is no valid YAML. They are written here, because those of the parser quote the file, which may hold secrets, and
 * do not say what to do.
 */
import type { ErrorCode } from "yaml";

/** A fault as the YAML parser reports it. */
export interface ParserFault {
  readonly code: ErrorCode;
  readonly message: string;
  /** Position in the text, from 0. */
  readonly offset: number;
}

/** Faults after which the parser understands the rest of the text. */
const ALONE: ReadonlySet<ErrorCode> = new Set(["DUPLICATE_KEY", "TAG_RESOLVE_FAILED", "BAD_DQ_ESCAPE"]);

/** Whether the text around this fault was read correctly and can be checked. */
export function standsAlone({ code }: ParserFault): boolean {
  return ALONE.has(code);
}

/** The faults worth reporting: all up to the first that confused the parser, since those after it are only consequences. */
export function mistakes(faults: readonly ParserFault[]): ParserFault[] {
  const inOrder = [...faults].sort((a, b) => a.offset - b.offset);
  const confused = inOrder.findIndex((fault) => !standsAlone(fault));
  return confused < 0 ? inOrder : inOrder.slice(0, confused + 1);
}

const QUOTES = "a text with special characters stands in quotes";
const COLON = 'a second ": " in one line, or a line that is indented too far; a text with ": " in it stands in quotes';

/** The message about a fault. `text` is the whole file. */
export function faultText({ code, message, offset }: ParserFault, text: string): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins here; a configuration is one";
  return `no valid YAML: ${advice(code, message, text, offset)}`;
}

function advice(code: ErrorCode, message: string, text: string, offset: number): string {
  const line = lineAt(text, offset);
  const character = text.charAt(offset);
  if (/[[{][^"'[{]*\$\{/.test(line)) return "between [ ] or { } a value with ${NAME} stands in quotes, where it is a text";
  switch (code) {
    case "DUPLICATE_KEY":
      if (text.startsWith("<<", offset)) return "<< stands here twice; it takes a list: <<: [*one, *other]";
      return "the same key stands above in this mapping";
    case "BAD_ALIAS":
    case "BAD_SCALAR_START":
      return `a text that begins with ${character} stands in quotes${character === "*" ? ', such as "*.example.com"' : ""}`;
    case "ALIAS_PROPS":
      return "what an anchor is used for (*name) has no anchor and no tag of its own";
    case "BAD_DIRECTIVE":
      return "a line that begins with % is a directive of YAML, and this one is unknown";
    case "BAD_DQ_ESCAPE":
      return "in double quotes a backslash begins an escape, and this one is unknown; in single quotes it is a character like others";
    case "BAD_INDENT":
      return /must be sufficiently indented and end with/.test(message)
        ? "a bracket that was opened before is not closed here"
        : "the indentation does not fit that of the lines before";
    case "BLOCK_AS_IMPLICIT_KEY":
    case "BLOCK_IN_FLOW":
    case "MULTILINE_IMPLICIT_KEY":
      return COLON;
    case "MISSING_CHAR":
      return missing(message);
    case "TAB_AS_INDENT":
      return "lines are indented with spaces, and here stands a tab";
    case "TAG_RESOLVE_FAILED":
      return "tags (!name) are not understood; a text that begins with ! stands in quotes";
    case "UNEXPECTED_TOKEN":
      if (/block-seq-ind on same line/.test(message)) return "a list begins in a line of its own";
      if (/^\s*(?:- *)?[\w.-]+: *\[[^\]]*\]:\d/.test(line)) return "an address with brackets stands in quotes";
      return `this is not expected here; ${QUOTES}`;
    default:
      return `this is not understood; ${QUOTES}`;
  }
}

function missing(message: string): string {
  if (/closing .quote/.test(message)) return "a text that begins with a quote is not closed by one";
  if (message.startsWith("Comments")) return "before # a space is missing";
  if (message.startsWith("Missing , ")) return "a comma is missing before this";
  if (message.startsWith("Sequence item"))
    return "each item of a list begins with a dash and a space, and its further keys stand exactly below the first";
  return "expected a key with a colon and a space after it";
}

function lineAt(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, end < 0 ? undefined : end);
}
