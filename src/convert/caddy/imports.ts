/** Puts snippets and files into the place of `import`. */
import type { Fault, Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { parseCaddyfile } from "./parse.ts";
import type { Block, Directive } from "./parse.ts";

const DEPTH_MAX = 10;
const FILES_MAX = 500;

export interface Expanded {
  readonly globals: readonly Directive[];
  readonly sites: readonly Block[];
}

export function expandImports(blocks: readonly Block[], sources: Sources, notes: Notes): Expanded | { readonly fault: Fault } {
  const importer = new Importer(sources, notes);
  const all = importer.files(blocks, 0);
  const [first] = all;
  const hasGlobals = first !== undefined && first.keys.length === 0;
  for (const {
    keys: [key = ""],
    body,
  } of all)
    if (/^\(.*\)$/.test(key)) importer.snippets.set(key.slice(1, -1), body);
  const sites = all.slice(hasGlobals ? 1 : 0).filter(({ keys: [key = ""] }) => key !== "" && !/^&?\(.*\)$/.test(key));
  const expanded = {
    globals: hasGlobals ? importer.expand(first.body, 0) : [],
    sites: sites.map((site) => ({ ...site, body: importer.expand(site.body, 0) })),
  };
  return importer.fault === null ? expanded : { fault: importer.fault };
}

class Importer {
  fault: Fault | null = null;
  readonly snippets = new Map<string, readonly Directive[]>();
  private count = 0;
  private readonly sources: Sources;
  private readonly notes: Notes;

  constructor(sources: Sources, notes: Notes) {
    this.sources = sources;
    this.notes = notes;
  }

  /** The blocks with those of files that are imported beside them. */
  files(blocks: readonly Block[], depth: number): readonly Block[] {
    return blocks.flatMap((block) => {
      const [directive] = block.body;
      if (block.keys.length > 0 || directive?.name !== "import" || block.body.length > 1 || directive.block !== null) return [block];
      return this.files(this.read(directive, depth), depth + 1);
    });
  }

  expand(directives: readonly Directive[], depth: number): readonly Directive[] {
    return directives.flatMap((directive) => {
      if (directive.name === "import") return this.imported(directive, depth);
      return directive.block === null ? [directive] : [{ ...directive, block: this.expand(directive.block, depth) }];
    });
  }

  private imported(directive: Directive, depth: number): readonly Directive[] {
    const {
      args: [name = "", ...args],
      place,
    } = directive;
    if (depth === DEPTH_MAX) this.fault ??= { place, message: "snippets import each other too deeply" };
    if (this.fault !== null) return [];
    const snippet = this.snippets.get(name);
    if (snippet !== undefined)
      return this.expand(
        snippet.map((each) => filledIn(each, args)),
        depth + 1,
      );
    // A file within a site holds directives, which look like a site without braces.
    return this.read(directive, depth).flatMap(({ keys, body, place: at }) => {
      const [first, ...rest] = keys;
      const head: Directive[] = first === undefined ? [] : [{ name: first, args: rest, block: null, place: at }];
      return this.expand(
        [...head, ...body].map((each) => filledIn(each, args)),
        depth + 1,
      );
    });
  }

  private read({ args: [pattern = ""], place }: Directive, depth: number): readonly Block[] {
    if (depth === DEPTH_MAX) this.fault ??= { place, message: "files import each other too deeply" };
    const files = this.fault === null ? this.sources.read(pattern, place.file) : [];
    this.count += files.length;
    if (this.count > FILES_MAX) this.fault ??= { place, message: `more than ${FILES_MAX} files are imported` };
    if (files.length === 0 && this.fault === null && !/[*?]/.test(pattern))
      this.notes.add({ place, what: "import", why: "there is no such snippet and no such file; what it says is missing here" });
    return files.flatMap(({ name, text }) => {
      const parsed = parseCaddyfile(text, name);
      if (parsed.fault === undefined) return parsed.blocks;
      this.fault ??= parsed.fault;
      return [];
    });
  }
}

/** The directive with the arguments of its import put in. */
function filledIn({ name, args, block, place }: Directive, given: readonly string[]): Directive {
  const fill = (text: string): string =>
    text.replace(/\{args(?:\.|\[)(\d+)\]?\}/g, (whole, index: string) => given[Number(index)] ?? whole);
  const filled = args.flatMap((each) => (each === "{args[:]}" || each === "{args.*}" ? given : [fill(each)]));
  return { name: fill(name), args: filled, block: block === null ? null : block.map((each) => filledIn(each, given)), place };
}
