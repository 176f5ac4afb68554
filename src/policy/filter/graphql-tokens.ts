/**
 * The tokens of a GraphQL document (GraphQL specification of September 2025, section 2.1). Reads a string of the language; white space, comments and commas are left
 * out.
 */

/** Kinds of tokens. A punctuator is its own kind; `...` is `.`. */
export type TokenKind = "name" | "number" | "string" | "end" | "wrong" | Punctuator;
export type Punctuator = "!" | "$" | "&" | "(" | ")" | "." | ":" | "=" | "@" | "[" | "]" | "{" | "|" | "}";

// Sticky, and without alternatives that overlap: each takes time linear in what it matches.
const IGNORED = /(?:[\t\n\r ,\u{feff}]+|#[^\n\r]*)*/uy;
const NAME = /[A-Za-z_][0-9A-Za-z_]*/y;
/** A number may not be followed by a letter, a digit or a point, so that `0xF1` is no number and a name. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.])/y;
const STRING = /"(?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,8}\}))*"/y;
/** A backslash before three quotation marks is an escape always, and anywhere else it is a character. */
const BLOCK_STRING = /"""(?:[^"\\]|\\(?:"""|(?!"""))|"(?!""))*"""/y;

/** Reads one token after the other. */
export class GraphqlTokens {
  kind: TokenKind = "end";
  /** The text of a name; else "". */
  name: string = "";
  /** Tokens so far. */
  count: number = 0;
  private readonly text: string;
  private at: number = 0;

  constructor(text: string) {
    this.text = text;
    this.next();
  }

  /** Goes on to the next token. After the end there is another end. */
  next(): void {
    this.match(IGNORED);
    this.name = "";
    this.kind = this.read();
    if (this.kind !== "end") this.count++;
  }

  private read(): TokenKind {
    const { text, at } = this;
    if (at >= text.length) return "end";
    const first = text[at] ?? "";
    if (isPunctuator(first)) {
      const length = first === "." ? 3 : 1;
      if (first === "." && !text.startsWith("...", at)) return "wrong";
      this.at += length;
      return first;
    }
    if (first === '"') return this.match(text.startsWith('"""', at) ? BLOCK_STRING : STRING) === "" ? "wrong" : "string";
    this.name = this.match(NAME);
    if (this.name !== "") return "name";
    return this.match(NUMBER) === "" ? "wrong" : "number";
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }
}

function isPunctuator(character: string): character is Punctuator {
  return "!$&().:=@[]{|}".includes(character);
}
