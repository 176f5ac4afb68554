/** YAML, of which JSON is a part, to a tree with positions, or to what is wrong with it. */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, Node, YAMLMap } from "yaml";
import type { Located, LocatedMap, Place } from "./document.ts";

export interface Fault {
  readonly at: Place;
  readonly message: string;
}

/** Each use of an anchor repeats what stands there, and anchors may hold uses of anchors: without a limit 1 KB can become 1 TB. */
const ALIASES_MAX = 200;
/** No configuration is this deep; the walk below goes down by a call per level. */
const DEPTH_MAX = 64;

const FILE_START: Place = { line: 1, column: 1 };

export function readYaml(text: string): { readonly root: LocatedMap } | { readonly faults: readonly Fault[] } {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: "1.2", schema: "core" });
  } catch (error) {
    // The parser descends by a call per level and ends with "Maximum call stack size exceeded".
    if (error instanceof RangeError) return { faults: [{ at: FILE_START, message: "it is nested too deeply" }] };
    throw error;
  }
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }): Fault => {
    if (code === "MULTIPLE_DOCS") return { at: place(pos[0]), message: "a second document begins here; a configuration is one" };
    // What follows a colon is text of the file, which may be a secret.
    return { at: place(pos[0]), message: `no valid YAML: ${message.replace(/\s*\n\s*/g, " ").replace(/(?<=[\w)]): .*$/, "")}` };
  });
  const first = faults[0];
  if (first !== undefined) {
    // One mistake, and the parser has something to say about each character of it.
    const line = text.split("\n")[first.at.line - 1] ?? "";
    if (/\$\{/.test(line))
      return {
        faults: [
          { at: first.at, message: `${first.message}; between [ ] or { } a value with \${NAME} stands in quotes, where it is a text` },
        ],
      };
    return { faults };
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return { faults: [{ at: FILE_START, message: "the file is empty; examples stand in examples/" }] };
  }
  const reader = new Reader(document, place);
  const root = reader.read(document.contents, 0);
  if (reader.faults.length > 0) return { faults: reader.faults };
  if (root.kind === "map") return { root };
  const found = root.kind === "list" ? "a list" : "a single value";
  return { faults: [{ at: root.at, message: `expected a mapping with keys such as listeners, upstreams and routes, found ${found}` }] };
}

class Reader {
  readonly faults: Fault[] = [];
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
    if (depth > DEPTH_MAX) return this.fault(at, `it is nested more than ${DEPTH_MAX} levels deep`, nothing);
    if (isMap(node)) return this.readMap(node, at, depth);
    if (isSeq(node)) return { kind: "list", at, items: node.items.map((item) => this.read(asNode(item), depth + 1, at)) };
    if (isAlias(node)) {
      if (++this.aliases === ALIASES_MAX + 1) return this.fault(at, `there are more than ${ALIASES_MAX} uses of anchors`, nothing);
      if (this.aliases > ALIASES_MAX) return nothing;
      const anchored = node.resolve(this.document);
      if (anchored === undefined) return this.fault(at, "no anchor of that name stands before it", nothing);
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
    const entries = new Map<string, { keyAt: Place; value: Located }>();
    for (const { key, value } of map.items) {
      const keyNode = asNode(key);
      const keyAt = keyNode?.range ? this.place(keyNode.range[0]) : at;
      if (!isScalar(keyNode) || keyNode.value === null || keyNode.source === undefined) {
        this.fault(keyAt, "a key must be a single word", null);
        continue;
      }
      // As a key of a plain object it would set the prototype, and a condition of a route would be gone.
      if (keyNode.source === "__proto__") this.fault(keyAt, "__proto__ is no key", null);
      entries.set(keyNode.source, { keyAt, value: this.read(asNode(value), depth + 1, keyAt) });
    }
    return { kind: "map", at, entries };
  }

  private fault<T>(at: Place, message: string, instead: T): T {
    this.faults.push({ at, message });
    return instead;
  }
}

function asNode(value: unknown): Node | null {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value) ? value : null;
}
