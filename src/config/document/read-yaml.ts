/** Reads YAML (JSON included) into a tree with places, or into messages about what is wrong with it. */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, Node, YAMLMap } from "yaml";
import type { Located, LocatedMap, Place } from "./document.ts";
import { faultText, mistakes, standsAlone } from "./yaml-texts.ts";

/** Something that is no valid YAML, or nothing that a configuration may hold. */
export interface Fault {
  readonly at: Place;
  readonly message: string;
}

/** Most uses of anchors. Each repeats the anchor's value, which may use anchors too: without a limit 1 KB can become 1 TB. */
const ALIASES_MAX = 200;
/** Deepest nesting. No configuration is this deep, and the walk below takes a call per level. */
const DEPTH_MAX = 64;

const FILE_START: Place = { line: 1, column: 1 };

/** `root` is what could be read in spite of the faults; undefined when nothing could. */
export interface ReadYaml {
  readonly root?: LocatedMap;
  readonly faults: readonly Fault[];
  /** Whether there is nothing but comments. That is a fault too. */
  readonly isEmpty?: boolean;
}

/**
 * Reads the text of a file. Does not throw, whatever the text.
 * @param file the name of an included file, which all places then have
 */
export function readYaml(text: string, file?: string): ReadYaml {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    const at = { line: Math.max(1, line), column: Math.max(1, col) };
    return file === undefined ? at : { ...at, file };
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: "1.2", schema: "core" });
  } catch (error) {
    // The parser takes a call per level, and deep nesting exceeds the call stack.
    if (error instanceof RangeError) return { faults: [{ at: FILE_START, message: "it is nested too deeply" }] };
    throw error;
  }
  const wrong = mistakes([...document.errors, ...document.warnings].map(({ code, message, pos }) => ({ code, message, offset: pos[0] })));
  const faults = wrong.map((fault): Fault => ({ at: place(fault.offset), message: faultText(fault, text) }));
  if (!wrong.every(standsAlone)) return { faults };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return { faults: [{ at: FILE_START, message: "the file is empty; `millrace init` writes one to begin with" }], isEmpty: true };
  }
  const reader = new Reader(document, place);
  const root = reader.read(document.contents, 0);
  faults.push(...reader.faults);
  if (reader.hasGivenUp) return { faults };
  if (root.kind === "map") return { root, faults };
  const found = root.kind === "list" ? "a list" : "a single value";
  const message = `expected a mapping with keys such as listeners, upstreams and routes, found ${found}`;
  return { faults: [...faults, { at: root.at, message }] };
}

type Entries = Map<string, { keyAt: Place; value: Located }>;

class Reader {
  readonly faults: Fault[] = [];
  /** Whether reading was given up, because the file is nested too deeply or uses too many anchors. */
  hasGivenUp: boolean = false;
  private readonly document: Document.Parsed;
  private readonly place: (offset: number) => Place;
  private aliases = 0;

  constructor(document: Document.Parsed, place: (offset: number) => Place) {
    this.document = document;
    this.place = place;
  }

  read(node: Node | null, depth: number, fallback: Place = FILE_START): Located {
    const at = node?.range ? this.place(node.range[0]) : fallback;
    const nothing: Located = { kind: "scalar", at, value: null, plain: true, source: "" };
    if (node === null) return nothing;
    if (depth > DEPTH_MAX) return this.giveUp(at, `it is nested more than ${DEPTH_MAX} levels deep`, nothing);
    if (isMap(node)) return this.readMap(node, at, depth);
    if (isSeq(node)) return { kind: "list", at, items: node.items.map((item) => this.read(asNode(item), depth + 1, at)) };
    if (isAlias(node)) {
      if (++this.aliases === ALIASES_MAX + 1) return this.giveUp(at, `there are more than ${ALIASES_MAX} uses of anchors`, nothing);
      if (this.aliases > ALIASES_MAX) return nothing;
      const anchored = node.resolve(this.document);
      if (anchored === undefined) {
        const what = "* begins the name of an anchor, and none of that name stands before it";
        return this.fault(at, `${what}; a text that begins with a star stands in quotes, such as "*.example.com"`, nothing);
      }
      return this.read(anchored, depth + 1, at);
    }
    if (!isScalar(node)) return nothing;
    const { value } = node;
    const source = node.source ?? String(value);
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return { kind: "scalar", at, value, plain: node.type === "PLAIN", source };
    }
    return this.fault(at, "a value of this kind is not understood", nothing);
  }

  private readMap(map: YAMLMap, at: Place, depth: number): LocatedMap {
    const entries: Entries = new Map();
    const merged: Located[] = [];
    for (const { key, value } of map.items) {
      const keyNode = asNode(key);
      const keyAt = keyNode?.range ? this.place(keyNode.range[0]) : at;
      if (!isScalar(keyNode) || keyNode.value === null || keyNode.source === undefined) {
        this.fault(keyAt, "a key must be a single word", null);
        continue;
      }
      if (keyNode.source === "<<" && keyNode.type === "PLAIN") {
        merged.push(this.read(asNode(value), depth + 1, keyAt));
        continue;
      }
      // In a plain object this key would set the prototype, and a route would lose a condition.
      if (keyNode.source === "__proto__") this.fault(keyAt, "__proto__ is no key", null);
      entries.set(keyNode.source, { keyAt, value: this.read(asNode(value), depth + 1, keyAt) });
    }
    for (const each of merged.flatMap((value) => (value.kind === "list" ? value.items : [value]))) this.merge(each, entries);
    return { kind: "map", at, entries };
  }

  /** Merge keys (`<<`) of YAML 1.1, which many files use. Keys of the mapping itself win, then those of the mapping that is named first. */
  private merge(from: Located, entries: Entries): void {
    if (from.kind !== "map") return this.fault(from.at, "<< takes a mapping, or a list of them: <<: *name", undefined);
    for (const [key, entry] of from.entries) if (!entries.has(key)) entries.set(key, entry);
  }

  private giveUp<T>(at: Place, message: string, instead: T): T {
    this.hasGivenUp = true;
    return this.fault(at, message, instead);
  }

  private fault<T>(at: Place, message: string, instead: T): T {
    this.faults.push({ at, message });
    return instead;
  }
}

function asNode(value: unknown): Node | null {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value) ? value : null;
}
