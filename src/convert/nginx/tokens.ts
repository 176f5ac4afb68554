/** Splits the text of an nginx configuration into words and the signs `;`, `{` and `}`, as nginx itself does. */

export interface Token {
  readonly kind: "word" | ";" | "{" | "}";
  /** Without quotes, and with escapes resolved. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Where the token begins and ends in the text. */
  readonly start: number;
  readonly end: number;
}

export type Read = Token | { readonly problem: string; readonly line: number } | null;

export class Tokens {
  private at = 0;
  private line = 1;
  private readonly text: string;

  constructor(text: string) {
    this.text = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  }

  /** The next token, why there is none, or null at the end. */
  next(): Read {
    this.skipBlanks();
    const { at: start, line } = this;
    const sign = this.text[start];
    if (sign === undefined) return null;
    if (sign === ";" || sign === "{" || sign === "}") {
      this.at++;
      return { kind: sign, text: sign, line, start, end: this.at };
    }
    return sign === '"' || sign === "'" ? this.quoted(sign) : this.word();
  }

  /** Skips text up to the brace that closes a block whose `{` has been read. Blocks of Lua code are no configuration. False: there is none. */
  skipBlock(): boolean {
    for (let depth = 1; this.at < this.text.length; this.at++) {
      const character = this.text[this.at];
      if (character === "\n") this.line++;
      if (character === "{") depth++;
      if (character === "}" && --depth === 0) {
        this.at++;
        return true;
      }
    }
    return false;
  }

  private skipBlanks(): void {
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] ?? "";
      if (character === "#") while (this.at + 1 < this.text.length && this.text[this.at + 1] !== "\n") this.at++;
      else if (!/\s/.test(character)) return;
      if (character === "\n") this.line++;
    }
  }

  private quoted(quote: string): Read {
    const { line } = this;
    const start = this.at++;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at];
      if (character === "\n") this.line++;
      if (character === "\\") this.at++;
      else if (character === quote) {
        const text = unescaped(this.text.slice(start + 1, this.at++));
        // A parenthesis may follow at once: `if ($a = "b")`.
        if (!/[\s;{)]/.test(this.text[this.at] ?? " "))
          return { problem: "a quoted text must be followed by a space or ;", line: this.line };
        return { kind: "word", text, line, start, end: this.at };
      }
    }
    return { problem: `a quoted text (${quote}) does not end`, line };
  }

  private word(): Read {
    const { at: start, line } = this;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] ?? "";
      if (character === "\\") this.at++;
      // `${name}` is a variable.
      else if (character === "$" && this.text[this.at + 1] === "{") this.at++;
      else if (/[\s;{]/.test(character)) break;
    }
    return { kind: "word", text: unescaped(this.text.slice(start, this.at)), line, start, end: this.at };
  }
}

const BYTE_ORDER_MARK = 0xfeff;

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", r: "\r", n: "\n" };

function unescaped(text: string): string {
  return text.replace(/\\(["'\\trn])/g, (_, character: string) => ESCAPES[character] ?? character);
}
