/** A configuration as a tree of maps, lists and scalars, each with its place in the file, so that problems can name line and column. */
import type { KeyPath } from "../../values/finding.ts";
import type { SecretSource } from "../../values/secret-source.ts";

/** Both from 1; columns in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** The name of an included file. Absent: the place is in the file that Millrace was started with. */
  readonly file?: string;
  /** Whether the value was computed by a module, so that this is not where it stands, and other values have the same place. */
  readonly computed?: boolean;
}

export type Located = LocatedMap | LocatedList | LocatedScalar;

export interface LocatedMap {
  readonly kind: "map";
  readonly at: Place;
  readonly entries: ReadonlyMap<string, { readonly keyAt: Place; readonly value: Located }>;
}

export interface LocatedList {
  readonly kind: "list";
  readonly at: Place;
  readonly items: readonly Located[];
}

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly at: Place;
  readonly value: string | number | boolean | null;
  /** Whether the scalar is written without quotes. False for a value of a module. */
  readonly plain: boolean;
  /** The text in the file, before `${NAME}` was replaced. Messages show this and never `value`. */
  readonly source: string;
  /** Where the value was read from, if it is a secret that does not stand in the configuration. */
  readonly secret?: SecretSource;
  /** Whether the value only stands for a secret that was not read. */
  readonly isUnread?: boolean;
}

/** The tree as plain data, for the schema. Keys such as `constructor` become own properties like all others. */
export function toPlain(node: Located): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toPlain);
  const object: Record<string, unknown> = {};
  for (const [key, { value }] of node.entries) {
    Object.defineProperty(object, key, { value: toPlain(value), enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/**
 * The place of the value at `path`; where a key is missing, the place of the last part that exists.
 * @param atKey whether to give the place of the key instead of its value's
 */
export function placeOf(root: Located, path: KeyPath, atKey: boolean): Place {
  let place = root.at;
  let node: Located = root;
  for (const [depth, part] of path.entries()) {
    const entry = node.kind === "map" ? node.entries.get(String(part)) : undefined;
    const next = entry?.value ?? (node.kind === "list" ? node.items[Number(part)] : undefined);
    if (next === undefined) return place;
    // For a mapping the place of its key is given, because the mapping itself begins a line further down.
    const isLast = depth === path.length - 1;
    place = entry !== undefined && (!isLast || atKey || next.kind === "map") ? entry.keyAt : next.at;
    node = next;
  }
  return place;
}

/** The node at `path`; undefined when there is none. */
export function nodeAt(root: Located, path: KeyPath): Located | undefined {
  let node: Located | undefined = root;
  for (const part of path) {
    if (node?.kind === "map") node = node.entries.get(String(part))?.value;
    else node = node?.kind === "list" ? node.items[Number(part)] : undefined;
  }
  return node;
}

/** A copy of the tree in which every scalar is replaced by the result of `change`. */
export function mapScalars(node: Located, change: (scalar: LocatedScalar, path: KeyPath) => LocatedScalar, path: KeyPath = []): Located {
  if (node.kind === "scalar") return change(node, path);
  if (node.kind === "list") return { ...node, items: node.items.map((item, index) => mapScalars(item, change, [...path, index])) };
  const entries = new Map<string, { keyAt: Place; value: Located }>();
  for (const [key, { keyAt, value }] of node.entries) entries.set(key, { keyAt, value: mapScalars(value, change, [...path, key]) });
  return { ...node, entries };
}
