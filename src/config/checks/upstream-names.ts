/** Finds the upstreams that routes name, and errors about names that no upstream has. */
import { at, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { nearest } from "../../base/did-you-mean.ts";

const NAMES_SHOWN_MAX = 10;

interface NamedUpstream {
  readonly name: string;
  readonly path: KeyPath;
}

/**
 * The names of upstreams in a route, and where they stand.
 * @param route as it is in the file, at position `index`
 */
export function namedUpstreams(route: unknown, index: number): readonly NamedUpstream[] {
  const path: KeyPath = ["routes", index];
  const places: readonly (readonly [unknown, KeyPath])[] = [
    [at(route, "upstream"), [...path, "upstream"]],
    ...listOf(at(route, "split")).map((side, position) => [at(side, "upstream"), [...path, "split", position, "upstream"]] as const),
    [at(at(route, "mirror"), "upstream"), [...path, "mirror", "upstream"]],
    [at(at(at(route, "authentication"), "forward"), "upstream"), [...path, "authentication", "forward", "upstream"]],
  ];
  return places.flatMap(([name, where]) => (typeof name === "string" ? [{ name, path: where }] : []));
}

/** @param names of all upstreams */
export function unknownUpstreams(route: unknown, index: number, names: ReadonlySet<string>): Finding[] {
  return namedUpstreams(route, index).flatMap(({ name, path }) => (names.has(name) ? [] : [error(path, unknownName(name, [...names]))]));
}

/** What to say of a name that nothing has. @param kind what should have it */
export function unknownName(name: string, names: readonly string[], kind: "upstream" | "store" = "upstream"): string {
  const near = nearest(name, names);
  // Only a name that is nearly right is shown. Any other text may be a secret in a wrong place.
  const what = near !== null && near.distance <= 2 ? `no ${kind} is named ${JSON.stringify(name)}` : `no ${kind} has this name`;
  const known = names.filter((each) => /^[\w.-]{1,64}$/.test(each)).slice(0, NAMES_SHOWN_MAX);
  const instead = near === null ? `; known: ${known.join(", ")}` : `; did you mean "${near.word}"?`;
  return `${what}${names.length === 0 ? "; there is none" : instead}`;
}
