/** Puts the files that `include` names into the place of the directive. */
import type { Fault, Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { parseNginx } from "./parse.ts";
import type { Directive, Parsed } from "./parse.ts";

/** Files that one configuration may include, and how deep. nginx has no limit; a file that includes itself has no end. */
const FILES_MAX = 500;
const DEPTH_MAX = 10;

/** Files that come with nginx and say nothing about routes. */
const ABOUT_NOTHING =
  /(?:^|\/)(?:mime\.types|fastcgi_params|fastcgi\.conf|uwsgi_params|scgi_params|koi-utf|koi-win|win-utf|modules-enabled\/\*\.conf)$/;

export type Expanded = Parsed & {
  /** Patterns that fit no file. */
  readonly missing: readonly string[];
};

export function expandIncludes(directives: readonly Directive[], sources: Sources, notes: Notes): Expanded {
  const expander = new Expander(sources, notes);
  const expanded = expander.expand(directives, 0);
  const { fault, missing } = expander;
  return fault === null ? { directives: expanded, missing } : { fault, missing };
}

class Expander {
  fault: Fault | null = null;
  readonly missing: string[] = [];
  private count = 0;
  private readonly sources: Sources;
  private readonly notes: Notes;

  constructor(sources: Sources, notes: Notes) {
    this.sources = sources;
    this.notes = notes;
  }

  expand(directives: readonly Directive[], depth: number): readonly Directive[] {
    return directives.flatMap((directive) => {
      if (directive.name === "include" && directive.block === null) return this.included(directive, depth);
      return directive.block === null ? [directive] : [{ ...directive, block: this.expand(directive.block, depth) }];
    });
  }

  private included({ args: [pattern = ""], place }: Directive, depth: number): readonly Directive[] {
    if (ABOUT_NOTHING.test(pattern)) return [];
    if (depth === DEPTH_MAX) {
      this.fault ??= { place, message: "files include each other too deeply" };
      return [];
    }
    const files = this.sources.read(pattern, place.file);
    if (files.length === 0) this.missing.push(pattern);
    // A pattern that fits no file is fine for nginx too.
    if (files.length === 0 && !/[*?[]/.test(pattern))
      this.notes.add({ place, what: "include", why: "the file is not there; what it says is missing here" });
    this.count += files.length;
    if (this.count > FILES_MAX) this.fault ??= { place, message: `more than ${FILES_MAX} files are included` };
    if (this.fault !== null) return [];
    return files.flatMap(({ name, text }) => {
      const parsed = parseNginx(text, name);
      if (parsed.fault === undefined) return this.expand(parsed.directives, depth + 1);
      this.fault ??= parsed.fault;
      return [];
    });
  }
}
