/**
 * Takes a prefix off a received path. What is taken is as many whole segments of the received spelling as make up the prefix in canonical
 * form (normalize-path.ts); the rest keeps its spelling. For the prefix `/api`
 *
 * | received | rest |
 * |---|---|
 * | `/api/x%2Fy` | `/x%2Fy` |
 * | `/%61pi/x`, `//api/x`, `/v1/../api;v=1/x` | `/x` |
 * | `/api/../api/x` | `/x`: the path leaves the prefix, and comes back |
 * | `/api//evil.test`, `/api/\evil.test` | `/evil.test`, `/%5Cevil.test`: no program may take the rest for `//host/path` |
 * | `/apis`, `/api%2Fx`, `/api/../x` | not below the prefix |
 *
 * The canonical form of the rest is that of the whole path without the prefix, so an origin server that has routes of its own sees the path
 * that the proxy has compared. Everything is linear in the length of the path.
 */
import { canonicalSegment, isCanonical } from "./normalize-path.ts";

/** A prefix to take off, made by `compilePrefix`. */
export interface PathPrefix {
  /** In canonical form, without a slash at the end: `/api`. */
  readonly text: string;
  readonly segments: readonly string[];
}

/** @param text in canonical form, without a slash at the end */
export function compilePrefix(text: string): PathPrefix {
  return { text, segments: text.slice(1).split("/") };
}

/** What is left of the path: "" if nothing is, else a path that begins with one slash. Null: the path is not below the prefix. */
export function stripPrefix(path: string, { text, segments }: PathPrefix): string | null {
  if (isCanonical(path)) {
    if (!path.startsWith(text)) return null;
    return path.length === text.length || path.charCodeAt(text.length) === SLASH ? path.slice(text.length) : null;
  }
  const end = endOfPrefix(path, segments);
  return end < 0 ? null : withoutHost(path.slice(end));
}

const SLASH = 0x2f;

/**
 * The end of the segment from which on the path never leaves the prefix again; -1: it is not below the prefix in the end. At that place as many
 * segments count as the prefix has, so the dot segments after it climb no higher.
 */
function endOfPrefix(path: string, prefix: readonly string[]): number {
  // How many segments count so far, and how many of these are the first ones of the prefix.
  let depth = 0;
  let same = 0;
  let found = -1;
  for (let start = 1; start <= path.length;) {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const segment = canonicalSegment(path.slice(start, end));
    if (segment === "..") {
      depth = Math.max(0, depth - 1);
      same = Math.min(same, depth);
    } else if (segment !== "" && segment !== ".") {
      if (same === depth && segment === prefix[depth]) same++;
      depth++;
    }
    if (same < prefix.length) found = -1;
    else if (found < 0) found = end;
    start = end + 1;
  }
  return found;
}

/**
 * The same path for whoever resolves it, but one that nobody takes for a reference with a host (RFC 3986 section 4.2): it does not begin with
 * `//` or `/\`, not even after dot segments.
 */
export function withoutHost(path: string): string {
  return path.replace(/^\/(?:\.?\/)*(?=\/)/, "").replace(/^(\/(?:\.\/)*)\\/, "$1%5C");
}
