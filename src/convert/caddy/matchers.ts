/** Matchers of Caddy as conditions of a route. */
import { parseCidr } from "../../base/cidr.ts";
import { both } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import { isHost } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import { encodedPath, literal, regexOf } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import { withEnvironment } from "./placeholders.ts";
import type { Directive } from "./parse.ts";

/** One of these is enough; null: the matcher has no equivalent. */
export type Matcher = readonly Conditions[] | null;

export const EVERYTHING: Matcher = [{}];

/** Loopback and private addresses, for `private_ranges`. */
export const PRIVATE_RANGES: readonly string[] = ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.1/8", "fd00::/8", "::1"];

/** The named matchers of a site. */
export function matchersIn(body: readonly Directive[], sources: Sources, notes: Notes): ReadonlyMap<string, Matcher> {
  return new Map(
    body
      .filter(({ name }) => name.startsWith("@"))
      .map((directive) => {
        const [first, ...rest] = directive.args;
        const lines = directive.block ?? (first === undefined ? [] : [{ name: first, args: rest, block: null, place: directive.place }]);
        return [directive.name, matcherOf(lines, sources, notes)] as const;
      }),
  );
}

/** Lines of different kinds must all hold; of one kind, one of them is enough. */
function matcherOf(lines: readonly Directive[], sources: Sources, notes: Notes): Matcher {
  let made: readonly Conditions[] = [{}];
  const isUpgrade = lines.some(({ name, args }) => name === "header" && /^upgrade$/i.test(args[0] ?? "") && args[1] !== undefined);
  for (const kind of new Set(lines.map(({ name }) => name))) {
    let any: Conditions[] = [];
    for (const line of lines.filter(({ name }) => name === kind)) {
      // What says that a connection is to be upgraded is said by `Upgrade` too.
      const found = isUpgrade && kind === "header" && /^connection$/i.test(line.args[0] ?? "") ? [{}] : lineOf(line, sources, notes);
      if (found === null) {
        notes.add({ place: line.place, what: kind, why: "the matcher has no equivalent, so what depends on it is left out" });
        return null;
      }
      // Several `not` must all hold, and several fields too.
      any = (kind === "not" || kind === "header") && any.length > 0 ? [...(combined(any, found) ?? [])] : [...any, ...found];
    }
    const all = combined(made, any);
    if (all === null) {
      notes.add({
        place: lines[0]?.place ?? { file: "", line: 1 },
        what: kind,
        why: "the matchers cannot be put together, so what depends on them is left out",
      });
      return null;
    }
    made = all;
  }
  return made;
}

/** Each of one list with each of the other; null: they cannot be put together. */
export function combined(some: readonly Conditions[], others: readonly Conditions[]): readonly Conditions[] | null {
  const made: Conditions[] = [];
  for (const one of some)
    for (const other of others) {
      const conditions = both(one, other);
      if (conditions === "unknown") return null;
      if (conditions !== "never") made.push(conditions);
    }
  return made;
}

function lineOf({ name, args, block }: Directive, sources: Sources, notes: Notes): Matcher {
  const given = args.map(withEnvironment);
  switch (name) {
    case "path":
      return pathsOf(given);
    case "path_regexp": {
      const regex = literal(given.at(-1) ?? "");
      return sources.patternProblem(regex) === null ? [{ regex }] : null;
    }
    case "host":
      return given.every(isHost) ? [{ host: given.map((host) => host.toLowerCase()) }] : null;
    case "method":
      return [{ methods: given.map((method) => method.toUpperCase()) }];
    case "header":
      return headerOf(given);
    case "query": {
      const pairs = given
        .map((pair) => /^([^=]+)=(.*)$/.exec(pair))
        .map((match) => (match === null ? null : ([match[1] ?? "", match[2] ?? ""] as const)));
      return pairs.some((pair) => pair === null || !/^[A-Za-z0-9_.-]{1,64}$/.test(pair[0]))
        ? null
        : pairs.map((pair) => ({ query: { [pair?.[0] ?? ""]: pair?.[1] ?? "" } }));
    }
    case "remote_ip":
    case "client_ip": {
      const clients = given.filter((each) => each !== "forwarded").flatMap((each) => (each === "private_ranges" ? PRIVATE_RANGES : [each]));
      return clients.length > 0 && clients.every((each) => parseCidr(each) !== null) ? [{ clients }] : null;
    }
    case "not": {
      const [first, ...rest] = args;
      const inner = block ?? (first === undefined ? [] : [{ name: first, args: rest, block: null, place: { file: "", line: 1 } }]);
      const not = matcherOf(inner, sources, notes);
      return not === null || not.some(({ not: nested }) => nested !== undefined) ? null : [{ not }];
    }
    default:
      return null;
  }
}

function headerOf([name = "", value]: readonly string[]): Matcher {
  if (name.startsWith("!")) return [{ not: [{ headers: { [name.slice(1)]: "*" } }] }];
  if (value === undefined || value === "*") return [{ headers: { [name]: "*" } }];
  return value.includes("*") ? null : [{ headers: { [name]: value } }];
}

/** Paths with stars. `/x/*` takes `/x` too in Millrace. */
export function pathsOf(patterns: readonly string[]): Matcher {
  const plain: string[] = [];
  const others: Conditions[] = [];
  for (const pattern of patterns) {
    const text = encodedPath(pattern);
    if (text === "*" || text === "/*") return EVERYTHING;
    if (/^\/[^*?#\s]*(?:\/\*)?$/.test(text)) plain.push(literal(text));
    else if (/^\/[^*?#\s]*\*$/.test(text)) others.push({ prefix: pattern.slice(0, -1) });
    else if (text.includes("*")) others.push({ regex: starred(pattern) });
    else others.push({ regex: `^${regexOf(pattern)}$` });
  }
  return [...(plain.length === 0 ? [] : [{ path: plain }]), ...others];
}

/** Stars at the ends stand for anything, others for a part of a segment. */
function starred(pattern: string): string {
  const [begins, ends] = [pattern.startsWith("*"), pattern.endsWith("*")];
  const inner = pattern.slice(begins ? 1 : 0, ends ? -1 : undefined);
  const text = inner.split("*").map(regexOf).join("[^/]*");
  return `${begins ? "" : "^"}${literal(text)}${ends ? "" : "$"}`;
}
