/** Writes a draft as YAML, with its comments. */
import { Document, Scalar, isMap, isNode, isPair, isScalar, isSeq } from "yaml";
import type { Node } from "yaml";
import { matchKeys } from "./conditions.ts";
import type { Draft, Keys, RouteDraft, Value } from "./draft.ts";

/** Changes comments before they are written. */
export type ShowComments = (lines: readonly string[]) => readonly string[];

/** A mapping or list that is shorter than this stands on one line. */
const LINE = 96;

export function writeYaml({ comments, listeners, keys, upstreams, routes }: Draft, shown: ShowComments): string {
  const document = new Document({
    listeners: listeners.map((listener) => plain(listener.keys)),
    ...plain(keys),
    ...(upstreams.length === 0
      ? {}
      : { upstreams: Object.fromEntries(upstreams.map((upstream) => [upstream.name, plain(upstream.keys)])) }),
    routes: routes.map((route) => plain(routeKeys(route))),
  });
  listeners.forEach((listener, index) => {
    comment(document.getIn(["listeners", index], true), shown(listener.comments));
    const address = document.getIn(["listeners", index, "address"], true);
    if (isScalar(address)) address.type = Scalar.QUOTE_DOUBLE;
  });
  routes.forEach((route, index) => comment(document.getIn(["routes", index], true), shown(route.comments)));
  const named = document.get("upstreams", true);
  if (isMap(named))
    named.items.forEach((pair, index) => {
      comment(pair.key, shown(upstreams[index]?.comments ?? []));
    });
  if (isMap(document.contents)) for (const { value } of document.contents.items) if (isNode(value)) layOut(value, 0);
  const head = shown(comments)
    .map((line) => `# ${oneLine(line)}\n`)
    .join("");
  return head + document.toString({ lineWidth: 0, flowCollectionPadding: true, minContentWidth: 0 });
}

function routeKeys({ match, keys }: RouteDraft): Keys {
  const entries = match.map(matchKeys);
  // An entry without conditions takes everything.
  const needed: readonly Value[] = entries.includes(undefined) ? [] : entries.filter((entry) => entry !== undefined);
  const [only] = needed;
  if (only === undefined) return keys;
  return { match: needed.length === 1 ? only : needed, ...keys };
}

/** Puts what is short on one line. Routes, listeners and upstreams themselves stand on lines of their own. */
function layOut(node: Node, depth: number): void {
  if (!isMap(node) && !isSeq(node)) return;
  const isShort = JSON.stringify(node.toJSON()).length < LINE && !hasComment(node);
  if (isShort && (depth >= 2 || node.items.length === 0)) {
    node.flow = true;
    return;
  }
  for (const item of node.items) {
    if (isPair(item)) {
      if (isNode(item.value)) layOut(item.value, depth + 1);
    } else if (isNode(item)) layOut(item, depth + 1);
  }
}

function hasComment(node: Node): boolean {
  return node.commentBefore !== undefined && node.commentBefore !== null;
}

/** Quoted names may hold line ends. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

function comment(node: unknown, lines: readonly string[]): void {
  if (lines.length === 0 || !(isMap(node) || isScalar(node))) return;
  node.commentBefore = lines.map((line) => ` ${oneLine(line)}`).join("\n");
}

function plain(value: Keys): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, plainValue(each)]])));
}

function plainValue(value: Value): unknown {
  if (Array.isArray(value)) return value.map((each: Value) => plainValue(each));
  return typeof value === "object" ? plain(value as Keys) : value;
}
