export type KeyPath = readonly (string | number)[];

/** Something wrong or doubtful, before it has a place in the file. */
export interface Finding {
  readonly path: KeyPath;
  /** Points at the key instead of its value. */
  readonly atKey?: boolean;
  readonly message: string;
  /** Whether a last key that the schema does not know may be shown: it is no secret. */
  readonly keyIsHarmless?: boolean;
  /** The key that the one at `path` was probably meant for: that it is missing is no second problem. */
  readonly insteadOf?: KeyPath;
  /** Keys of which one is missing, and nothing else is wrong. */
  readonly missing?: readonly KeyPath[];
  readonly severity: "error" | "warning";
}

// What checks are made with that look at several keys. They read values as they stand in the file, before a schema has checked them, and
// pass over whatever is not of the right kind: so their findings are reported together with all others.

export function error(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "error" };
}

export function warning(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "warning" };
}

/** Only own properties: an upstream may be named `constructor`. */
export function at(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

export function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** RFC 6750 section 2.1 has no spaces in a token, and many clients hold to it. */
export function spacedToken(token: unknown, path: KeyPath): Finding[] {
  if (typeof token !== "string" || !/^[^\s\p{Cc}]+(?: +[^\s\p{Cc}]+)+$/u.test(token)) return [];
  const message = "it holds spaces: many clients cannot send it as a Bearer token; X-API-Key can carry it";
  return [warning(path, message)];
}
