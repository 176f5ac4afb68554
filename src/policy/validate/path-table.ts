/**
 * Finds the templates of paths (`/pets/{id}`) that a path meets, the most specific first: segment by segment a literal one goes before one that is
 * literal in part, and that before a parameter alone. Paths and templates are in canonical form. The time does not depend on the path, but for its
 * length: each node of the tree is looked at once.
 */

/** A template that the path meets. */
export interface PathMatch<T> {
  readonly value: T;
  /** The texts of the parameters, in the order of the template. */
  readonly texts: readonly string[];
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  readonly mixed: { readonly pieces: readonly string[]; readonly node: Node<T> }[];
  parameter: Node<T> | null;
  readonly values: T[];
}

export class PathTable<T> {
  private readonly root: Node<T> = emptyNode();

  /** @param template its literal parts in canonical form */
  add(template: string, value: T): void {
    let node = this.root;
    for (const segment of segmentsOf(template)) node = childOf(node, segment);
    node.values.push(value);
  }

  /** All templates that the path meets. */
  find(path: string): PathMatch<T>[] {
    const found: PathMatch<T>[] = [];
    collect(this.root, segmentsOf(path), 0, [], found);
    return found;
  }
}

/** The names of a template's parameters, in order. */
export function namesOf(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
}

function segmentsOf(path: string): string[] {
  return path.slice(1).split("/");
}

function emptyNode<T>(): Node<T> {
  return { literals: new Map(), mixed: [], parameter: null, values: [] };
}

function childOf<T>(node: Node<T>, segment: string): Node<T> {
  const pieces = segment.split(/\{[^{}]*\}/);
  if (pieces.length === 1) {
    const known = node.literals.get(segment);
    const child = known ?? emptyNode<T>();
    if (known === undefined) node.literals.set(segment, child);
    return child;
  }
  if (pieces.length === 2 && pieces.join("") === "") return (node.parameter ??= emptyNode<T>());
  const known = node.mixed.find((each) => each.pieces.join("{}") === pieces.join("{}"));
  if (known !== undefined) return known.node;
  const child = emptyNode<T>();
  node.mixed.push({ pieces, node: child });
  node.mixed.sort((a, b) => b.pieces.join("").length - a.pieces.join("").length);
  return child;
}

function collect<T>(node: Node<T>, segments: readonly string[], at: number, texts: readonly string[], found: PathMatch<T>[]): void {
  const segment = segments[at];
  if (segment === undefined) {
    for (const value of node.values) found.push({ value, texts });
    return;
  }
  const literal = node.literals.get(segment);
  if (literal !== undefined) collect(literal, segments, at + 1, texts, found);
  // A parameter of a path is never empty.
  if (segment === "") return;
  for (const { pieces, node: next } of node.mixed) {
    const parts = partsOf(segment, pieces);
    if (parts !== null) collect(next, segments, at + 1, [...texts, ...parts], found);
  }
  if (node.parameter !== null) collect(node.parameter, segments, at + 1, [...texts, segment], found);
}

/** What stands between the literal pieces of a segment, each part as short as can be; null: the segment does not have the pieces, or a part is empty. */
function partsOf(segment: string, pieces: readonly string[]): string[] | null {
  const [first = "", ...rest] = pieces;
  if (!segment.startsWith(first)) return null;
  let at = first.length;
  const parts: string[] = [];
  for (const [index, piece] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const end = isLast ? segment.length - piece.length : segment.indexOf(piece === "" ? "\0" : piece, at + 1);
    if (end <= at || (isLast && !segment.endsWith(piece))) return null;
    parts.push(segment.slice(at, end));
    at = end + piece.length;
  }
  return parts;
}
