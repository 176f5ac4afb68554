/**
 * What a check finds wrong in a configuration, and what checks that look at several keys are written with. Such checks read the values of the
 * file before the schema has checked them, and skip values of the wrong kind. So all findings can be reported together.
 */

/** The keys and list positions (from 0) that lead to a value: `["routes", 0, "upstream"]`. */
export type KeyPath = readonly (string | number)[];

/** Something wrong or doubtful in a configuration. Its line and column are found later, from `path`. */
export interface Finding {
  readonly path: KeyPath;
  /** Whether the finding is about the key itself and not about its value. */
  readonly atKey?: boolean;
  readonly message: string;
  /** Whether messages may show the last key of `path` although the schema does not know it. False: it may be a secret in a wrong place. */
  readonly keyIsHarmless?: boolean;
  /** The key that the misspelled one at `path` was meant for. That this key is missing is then not reported. */
  readonly insteadOf?: KeyPath;
  /** Set when all that is wrong is that one of these keys is missing. */
  readonly missing?: readonly KeyPath[];
  readonly severity: "error" | "warning";
}

/** An error about the value at `path`, or about its key. */
export function error(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "error" };
}

/** A warning about the value at `path`, or about its key. */
export function warning(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "warning" };
}

/**
 * The value of a key, undefined when `value` is no mapping with that key. Only own properties count: an upstream may be named
 * `constructor`.
 */
export function at(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

/** The entries of a mapping; none when `value` is something else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** The list itself, or an empty one when `value` is something else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Places of secrets as other programs write them, and `file:` in another spelling than ours. */
const PLACE_ELSEWHERE = /^(?:env|environment|files?|secrets?|credentials?|vault|exec):/i;
/** Ours, which are replaced where the file or credential can be read. */
const PLACE_HERE = /^(?:file|credential):/;

/** Warnings about a token that is probably not meant as it stands. They show nothing of it. */
export function oddToken(token: unknown, path: KeyPath): Finding[] {
  if (typeof token !== "string") return [];
  if (PLACE_ELSEWHERE.test(token) && !PLACE_HERE.test(token)) {
    const places = "an environment variable is ${NAME}, a file file:PATH, a credential credential:NAME, a program { exec: [...] }";
    return [warning(path, `this text itself is the token, and no place from where it would be read: ${places}`)];
  }
  if (/^Bearer +\S/i.test(token))
    return [warning(path, "clients send the word Bearer before the token, and it is no part of it: leave it out")];
  // RFC 6750 section 2.1 allows no spaces in a Bearer token, and many clients cannot send them.
  if (!/^[^\s\p{Cc}]+(?: +[^\s\p{Cc}]+)+$/u.test(token)) return [];
  const message = "it holds spaces: many clients cannot send it as a Bearer token; X-API-Key can carry it";
  return [warning(path, message)];
}
