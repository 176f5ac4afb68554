/** Parses the text of an nginx configuration into directives. */
import type { Fault, Place } from "../model/notes.ts";
import { Tokens } from "./tokens.ts";

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** What stands between the braces; null: it ends in a semicolon. */
  readonly block: readonly Directive[] | null;
  readonly place: Place;
}

export type Parsed = { readonly directives: readonly Directive[]; readonly fault?: undefined } | { readonly fault: Fault };

/** Deepest nesting. nginx itself needs five levels. */
const DEPTH_MAX = 32;

export function parseNginx(text: string, file: string): Parsed {
  const parser = new Parser(text, file);
  const directives = parser.block(0, 1);
  return parser.fault === null ? { directives } : { fault: parser.fault };
}

class Parser {
  fault: Fault | null = null;
  private readonly tokens: Tokens;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.tokens = new Tokens(text);
    this.file = file;
  }

  /** The directives up to the closing brace or, at depth 0, to the end of the text. @param opened the line of the block itself */
  block(depth: number, opened: number): readonly Directive[] {
    const directives: Directive[] = [];
    let words: string[] = [];
    let line = 1;
    while (this.fault === null) {
      const token = this.tokens.next();
      if (token === null) {
        if (words.length > 0) this.fail(line, `"${shown(words[0])}" ends in no ; and no {`);
        else if (depth > 0) this.fail(opened, "a block is not closed: } is missing at the end of the file");
        break;
      }
      if ("problem" in token) {
        this.fail(token.line, token.problem);
        break;
      }
      if (token.kind === "word") {
        if (words.length === 0) line = token.line;
        words.push(token.text);
        continue;
      }
      if (token.kind === "}") {
        if (words.length > 0) this.fail(token.line, `"${shown(words[0])}" ends in no ;`);
        else if (depth === 0) this.fail(token.line, "there is a } too many");
        break;
      }
      const [name, ...args] = words;
      words = [];
      if (name === undefined) {
        if (token.kind === ";") continue;
        this.fail(token.line, "a { stands where no directive is");
        break;
      }
      const place: Place = { file: this.file, line };
      if (token.kind === ";") directives.push({ name, args, block: null, place });
      else if (depth === DEPTH_MAX) this.fail(line, "blocks are nested too deeply");
      else directives.push({ name, args, block: this.blockOf(name, line, depth + 1), place });
    }
    return directives;
  }

  private blockOf(name: string, line: number, depth: number): readonly Directive[] {
    if (!name.endsWith("_by_lua_block")) return this.block(depth, line);
    if (!this.tokens.skipBlock()) this.fail(line, "a block is not closed: } is missing at the end of the file");
    return [];
  }

  private fail(line: number, message: string): void {
    this.fault ??= { place: { file: this.file, line }, message };
  }
}

/** A word for a message, if it looks like the name of a directive. */
function shown(word: string | undefined): string {
  return word !== undefined && /^[\w.-]{1,64}$/.test(word) ? word : "...";
}
