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

/** A warning when a token holds spaces: RFC 6750 section 2.1 allows none in a Bearer token, and many clients cannot send them. */
export function spacedToken(token: unknown, path: KeyPath): Finding[] {
  if (typeof token !== "string" || !/^[^\s\p{Cc}]+(?: +[^\s\p{Cc}]+)+$/u.test(token)) return [];
  const message = "it holds spaces: many clients cannot send it as a Bearer token; X-API-Key can carry it";
  return [warning(path, message)];
}
