/**
 * Joins a configuration with the files that it includes. Their upstreams stand beside its own; their routes come after its own, in the order in
 * which the files are included. Every place in the joined tree says in which file it is.
 */
import type { Located, LocatedMap, Place } from "./document/document.ts";
import { foreignFormat } from "./problems/foreign-format.ts";
import { fullFormJsonSchema, shortFormJsonSchema } from "./schema/json-schema.ts";
import { placed } from "./problems/problem.ts";
import type { Problem } from "./problems/problem.ts";
import { readYaml } from "./document/read-yaml.ts";
import { replaceValues } from "./replacements.ts";
import type { Environment } from "./replacements.ts";
import { shownFile } from "./problems/shown.ts";
import { unknownKey } from "./problems/unknown-key.ts";
import { messageOf } from "../base/errors.ts";
import { error, warning } from "../values/finding.ts";
import type { Finding, KeyPath } from "../values/finding.ts";

/** A file that `include` names. */
export interface IncludedFile {
  /** As problems name it. */
  readonly name: string;
  /** The same for all names of one file, links included. */
  readonly id: string;
}

/** What only the machine knows about included files. `from` is the name of the file that says `include`; undefined: the first one. */
export interface Includes {
  readonly mainId: string;
  /** The files that a pattern names, in order, and what is doubtful about it. Throws an Error whose message is fit for the operator. */
  readonly find: (pattern: string, from: string | undefined) => { readonly files: readonly IncludedFile[]; readonly doubt: string | null };
  /** The text of a file; throws an Error as `find` does. */
  readonly textOf: (file: IncludedFile) => string;
  /** The absolute form of a path that stands in an included file. */
  readonly resolve: (path: string, from: string) => string;
}

export interface Joined {
  readonly root: LocatedMap;
  /** The names of all files, in the order in which they were read. */
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/** Most files. More than ten thousand routes in files of their own would be an unusual proxy, and a wrong pattern can name a whole disk. */
const FILES_MAX = 10_000;
/** Most characters of all included files together, so that a wrong pattern does not fill the memory. */
const TEXT_MAX = 16 * 1024 ** 2;
/** Deepest nesting of files that include files. */
const DEPTH_MAX = 16;

/** The keys that an included file may have. All others are about the process, or about all files together. */
const SHARED: readonly string[] = ["include", "upstreams", "routes"];

/**
 * @param main the name of the file that `given` was read from
 * @param includes undefined: there are no files here, so that `include` is an error
 */
export function withIncluded(given: LocatedMap, main: string, environment: Environment, includes: Includes | undefined): Joined {
  if (!given.entries.has("include")) return { root: given, files: [main], problems: [] };
  const joiner = new Joiner(main, environment, includes);
  joiner.include(given, []);
  return { root: joiner.joined(given), files: joiner.files, problems: joiner.problems };
}

class Joiner {
  readonly files: string[];
  readonly problems: Problem[] = [];
  private readonly main: string;
  private readonly environment: Environment;
  private readonly includes: Includes | undefined;
  private readonly trees: LocatedMap[] = [];
  private readonly taken: Set<string> = new Set();
  private characters = 0;
  private hasTooMany = false;

  constructor(main: string, environment: Environment, includes: Includes | undefined) {
    this.main = main;
    this.environment = environment;
    this.includes = includes;
    this.files = [main];
  }

  /** @param chain the files that lead to this one, itself as the last; empty for the main file */
  include(tree: LocatedMap, chain: readonly IncludedFile[]): void {
    const entry = tree.entries.get("include");
    if (entry === undefined) return;
    const { root, findings } = replaceValues({ ...tree, entries: new Map([["include", entry]]) }, this.environment, {
      readSecret: () => "",
    });
    // The main file's are found again with those of its other values.
    if (chain.length > 0) this.report(findings, tree);
    const value = root.kind === "map" ? root.entries.get("include")?.value : undefined;
    if (value === undefined) return;
    const values = value.kind === "list" ? value.items : [value];
    for (const [index, each] of values.entries()) {
      const path: KeyPath = value.kind === "list" ? ["include", index] : ["include"];
      if (findings.some((finding) => finding.path.join("\n") === path.join("\n"))) continue;
      if (each.kind === "scalar" && typeof each.value === "string") this.take(each.value, path, tree, chain);
      // The schema says this of the main file.
      else if (chain.length > 0) this.report([error(path, "expected the path of a file, or a list of paths")], tree);
    }
  }

  private take(pattern: string, path: KeyPath, tree: LocatedMap, chain: readonly IncludedFile[]): void {
    const { includes } = this;
    const refuse = (message: string): void => this.report([error(path, message)], tree);
    if (includes === undefined) return refuse("files cannot be included here: this configuration is no file itself");
    if (chain.length === DEPTH_MAX) return refuse(`files include files more than ${DEPTH_MAX} levels deep`);
    try {
      const { files, doubt } = includes.find(pattern, chain.at(-1)?.name);
      if (doubt !== null) this.report([warning(path, doubt)], tree);
      for (const file of files) {
        if (this.hasTooMany) return;
        const above = [{ name: this.main, id: includes.mainId }, ...chain];
        const start = above.findIndex(({ id }) => id === file.id);
        if (start >= 0) refuse(`the file would include itself: ${namesOf([...above.slice(start), file])}`);
        // One that is named twice, by a pattern and by its name, counts where it is named first.
        else if (!this.taken.has(file.id)) this.read(file, includes, chain, refuse);
      }
    } catch (reason) {
      refuse(messageOf(reason));
    }
  }

  private read(file: IncludedFile, includes: Includes, chain: readonly IncludedFile[], refuse: (message: string) => void): void {
    if (this.taken.size === FILES_MAX) {
      this.hasTooMany = true;
      return refuse(`more than ${FILES_MAX} files would be included`);
    }
    this.taken.add(file.id);
    let text: string;
    try {
      text = includes.textOf(file);
    } catch (reason) {
      return refuse(messageOf(reason));
    }
    this.files.push(file.name);
    this.characters += text.length;
    if (this.characters > TEXT_MAX) {
      this.hasTooMany = true;
      return refuse(`with ${shownFile(file.name)} the included files have more than ${TEXT_MAX} characters`);
    }
    const { root, faults, isEmpty } = readYaml(text, file.name);
    if (isEmpty) return;
    const foreign = foreignFormat(text, root);
    const found = foreign === null ? faults : [{ at: START, message: foreign }];
    for (const { at, message } of found) this.problems.push({ ...at, file: file.name, key: "", message, severity: "error" });
    if (root === undefined || foreign !== null) return;
    this.report(foreignKeys(root), root);
    this.trees.push(root);
    this.include(root, [...chain, file]);
  }

  /** The main tree with the upstreams and the routes of all others. */
  joined(given: LocatedMap): LocatedMap {
    const entries = new Map(given.entries);
    this.joinUpstreams(entries);
    this.joinRoutes(entries);
    return { ...given, entries };
  }

  private joinUpstreams(entries: Entries): void {
    const own = entries.get("upstreams");
    // What is wrong with it the schema says.
    if (own !== undefined && own.value.kind !== "map") return;
    const all: Entries = new Map(own?.value.kind === "map" ? own.value.entries : []);
    for (const tree of this.trees) {
      const entry = tree.entries.get("upstreams");
      if (entry === undefined) continue;
      if (entry.value.kind !== "map") {
        this.report([error(["upstreams"], `expected a mapping of names, found ${kindOf(entry.value)}`)], tree);
        continue;
      }
      for (const [name, upstream] of entry.value.entries) {
        const first = all.get(name);
        if (first === undefined) all.set(name, upstream);
        else
          this.report(
            [error(["upstreams", name], `an upstream of this name stands at ${this.placeText(first.keyAt)} already`, true)],
            tree,
          );
      }
      if (!entries.has("upstreams")) entries.set("upstreams", entry);
    }
    const entry = entries.get("upstreams");
    if (entry !== undefined) entries.set("upstreams", { ...entry, value: { kind: "map", at: entry.value.at, entries: all } });
  }

  private joinRoutes(entries: Entries): void {
    const own = entries.get("routes");
    if (own !== undefined && own.value.kind !== "list") return;
    const all: Located[] = own?.value.kind === "list" ? [...own.value.items] : [];
    for (const tree of this.trees) {
      const entry = tree.entries.get("routes");
      if (entry === undefined) continue;
      if (entry.value.kind !== "list") {
        this.report([error(["routes"], `expected a list, found ${kindOf(entry.value)}`)], tree);
        continue;
      }
      for (const route of entry.value.items) all.push(route);
      if (!entries.has("routes")) entries.set("routes", entry);
    }
    const entry = entries.get("routes");
    if (entry !== undefined) entries.set("routes", { ...entry, value: { kind: "list", at: entry.value.at, items: all } });
  }

  private placeText({ file, line, column }: Place): string {
    return `${file ?? this.main}:${line}:${column}`;
  }

  private report(findings: readonly Finding[], tree: LocatedMap): void {
    this.problems.push(...placed(findings, tree, this.main, fullFormJsonSchema));
  }
}

type Entries = Map<string, { readonly keyAt: Place; readonly value: Located }>;

const START: Place = { line: 1, column: 1 };

/** Errors about keys that an included file may not have. */
function foreignKeys({ entries }: LocatedMap): Finding[] {
  const others = [...entries.keys()].filter((key) => !SHARED.includes(key));
  if (others.includes("backends")) {
    const message = "a file in the short form stands alone and cannot be included";
    return [{ ...error(["backends"], message, true), keyIsHarmless: true }];
  }
  const known = Object.keys(Object(fullFormJsonSchema()["properties"]));
  return others.map((key): Finding => {
    if (!known.includes(key)) return unknownKey([key], fullFormJsonSchema(), shortFormJsonSchema());
    return error(
      [key],
      "it holds for all files and stands in the file that Millrace is started with: an included file has upstreams and routes",
      true,
    );
  });
}

function kindOf(value: Located): string {
  if (value.kind === "map") return "a mapping";
  if (value.kind === "list") return "a list";
  return value.value === null ? "nothing" : "a single value";
}

function namesOf(files: readonly IncludedFile[]): string {
  return files.map(({ name }) => shownFile(name)).join(" includes ");
}
