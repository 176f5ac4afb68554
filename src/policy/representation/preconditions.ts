/** Conditional requests (RFC 9110 section 13) for GET and HEAD. */
import { parseHttpDate } from "../../http/parse-http-date.ts";

/** What identifies a representation. */
export interface Validators {
  /** As ETag has it: with quotes, and `W/` before a weak one. */
  readonly tag: string;
  /** The time of Last-Modified, in milliseconds since 1970; a whole number of seconds. */
  readonly modifiedMs: number;
}

/** The fields of a request that bear on it. Lists are the values of all lines. */
export interface Conditions {
  readonly ifMatch: readonly string[];
  readonly ifNoneMatch: readonly string[];
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
  readonly ifRange: string | undefined;
}

/** What is to be done: perform the method, answer 304, or answer 412. */
export type Verdict = "perform" | "not_modified" | "failed";

/** The steps of section 13.2.2, without the last one, which is `rangeHolds`. */
export function evaluate(conditions: Conditions, validators: Validators): Verdict {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  // 1. and 2. If-Unmodified-Since counts only without If-Match.
  if (ifMatch.length > 0) {
    if (!ifMatch.some((value) => lists(value, validators.tag, true))) return "failed";
  } else if (ifUnmodifiedSince !== undefined) {
    const since = parseHttpDate(ifUnmodifiedSince);
    if (since !== null && validators.modifiedMs > since) return "failed";
  }
  // 3. and 4. If-Modified-Since counts only without If-None-Match.
  if (ifNoneMatch.length > 0) return ifNoneMatch.some((value) => lists(value, validators.tag, false)) ? "not_modified" : "perform";
  const since = ifModifiedSince === undefined ? null : parseHttpDate(ifModifiedSince);
  return since !== null && validators.modifiedMs <= since ? "not_modified" : "perform";
}

/** Whether a range may be served: step 5, the field If-Range (section 13.1.5). Only a strong validator holds, and a date must be the very one. */
export function rangeHolds({ ifRange }: Pick<Conditions, "ifRange">, { tag, modifiedMs }: Validators): boolean {
  if (ifRange === undefined) return true;
  if (isWeak(tag)) return false;
  const value = ifRange.trim();
  return /^(?:W\/)?"/.test(value) ? value === tag : parseHttpDate(value) === modifiedMs;
}

const MEMBER = /(?:^|,)[ \t]*((?:W\/)?"[!#-~\x80-\xff]*")[ \t]*(?=,|$)/g;

/** Whether a list of entity tags has this one. @param strongly whether both must be strong (section 8.8.3.2) */
function lists(value: string, tag: string, strongly: boolean): boolean {
  if (value.trim() === "*") return true;
  if (strongly && isWeak(tag)) return false;
  for (const [, member = ""] of value.matchAll(MEMBER)) {
    if (strongly ? member === tag : opaque(member) === opaque(tag)) return true;
  }
  return false;
}

function isWeak(tag: string): boolean {
  return tag.startsWith("W/");
}

function opaque(tag: string): string {
  return isWeak(tag) ? tag.slice(2) : tag;
}
