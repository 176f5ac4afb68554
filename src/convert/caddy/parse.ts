/** Parses a Caddyfile into its global options, its snippets and its sites. */
import type { Fault, Place } from "../model/notes.ts";
import { linesOf } from "./lines.ts";
import type { Line } from "./lines.ts";

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** What stands between the braces; null: there are none. */
  readonly block: readonly Directive[] | null;
  readonly place: Place;
}

/** A block at the top of the file. */
export interface Block {
  /** Addresses of a site, or the name of a snippet; none for the global options. */
  readonly keys: readonly string[];
  readonly body: readonly Directive[];
  readonly place: Place;
}

export type Parsed = { readonly blocks: readonly Block[]; readonly fault?: undefined } | { readonly fault: Fault };

const DEPTH_MAX = 32;

export function parseCaddyfile(text: string, file: string): Parsed {
  const read = linesOf(text, file);
  if (read.fault !== undefined) return read;
  const parser = new Parser(read.lines, file);
  const blocks = parser.blocks();
  return parser.fault === null ? { blocks } : { fault: parser.fault };
}

class Parser {
  fault: Fault | null = null;
  private at = 0;
  private readonly lines: readonly Line[];
  private readonly file: string;

  constructor(lines: readonly Line[], file: string) {
    this.lines = lines;
    this.file = file;
  }

  blocks(): readonly Block[] {
    const blocks: Block[] = [];
    while (this.at < this.lines.length && this.fault === null) {
      const place = this.place();
      const keys: string[] = [];
      let isOpen = false;
      // Addresses go on in the next line after a comma.
      for (let goesOn = true; goesOn && this.at < this.lines.length;) {
        const words = (this.lines[this.at]?.words ?? []).map(({ text }) => text);
        if (words.at(-1) === "{") {
          isOpen = true;
          words.pop();
        }
        goesOn = !isOpen && (words.at(-1) ?? "").endsWith(",");
        keys.push(...words.flatMap((word) => word.split(",")).filter((word) => word !== ""));
        this.at++;
      }
      if (keys[0] === "import" && !isOpen)
        blocks.push({ keys: [], body: [{ name: "import", args: keys.slice(1), block: null, place }], place });
      else if (keys[0] === "}") this.fail(place, "there is a } too many");
      // What the environment may add between sites.
      else if (!isOpen && keys.length === 1 && /^\{\$\w+\}$/.test(keys[0] ?? "") && this.isSiteNext()) continue;
      // Without braces the whole file is one site.
      else if (isOpen) blocks.push({ keys, body: this.body(1), place });
      else blocks.push({ keys, body: this.body(0), place });
    }
    return blocks;
  }

  /** Whether the next line opens a site or a snippet, and no block of a directive. */
  private isSiteNext(): boolean {
    const [first, last] = [this.lines[this.at]?.words[0]?.text ?? "", this.lines[this.at]?.words.at(-1)?.text];
    return last === "{" && /[.:$(]|^localhost$/.test(first);
  }

  /** Directives up to the closing brace or, at depth 0, to the end. */
  private body(depth: number): readonly Directive[] {
    const directives: Directive[] = [];
    while (this.fault === null) {
      const line = this.lines[this.at];
      if (line === undefined) {
        if (depth > 0)
          this.fail(
            { file: this.file, line: this.lines.at(-1)?.number ?? 1 },
            "a block is not closed: } is missing at the end of the file",
          );
        break;
      }
      const place = this.place();
      this.at++;
      const words = line.words.map(({ text }) => text);
      const last = line.words.at(-1);
      if (words.length === 1 && last?.text === "}" && !last.isQuoted) {
        if (depth === 0) this.fail(place, "there is a } too many");
        break;
      }
      const isOpen = last?.text === "{" && !last.isQuoted;
      const [name = "", ...args] = isOpen ? words.slice(0, -1) : words;
      if (line.words.slice(0, -1).some(({ text, isQuoted }) => text === "{" && !isQuoted))
        this.fail(place, "after { the line has to end, as in Caddy");
      if (depth === DEPTH_MAX) this.fail(place, "blocks are nested too deeply");
      else directives.push({ name, args, block: isOpen ? this.body(depth + 1) : null, place });
    }
    return directives;
  }

  private place(): Place {
    return { file: this.file, line: this.lines[this.at]?.number ?? 1 };
  }

  private fail(place: Place, message: string): void {
    this.fault ??= { place, message };
  }
}
