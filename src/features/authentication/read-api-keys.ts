/** Reads the file of `api_keys`: who may come in with which key, of which only a hash is kept. */
import { parse } from "yaml";
import { z } from "zod";
import { dateOf } from "../../base/date-text.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { ReadCredentials } from "../../values/declaration.ts";
import { rateFindings, rateOf, rateShape } from "../../values/rate.ts";

/** An entry as threads get it. */
export interface ApiKey {
  readonly id: string;
  /** How the key begins. */
  readonly prefix: string;
  /** SHA-256 of the whole key, in hexadecimal digits. */
  readonly hash: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** When it ends, in milliseconds since 1970; null: never. */
  readonly expiresMs: number | null;
  /** How often it may be used, over all routes with the file; null: as often as the routes allow. */
  readonly rate: Rate | null;
}

const EXPECTED_KEYS = "expected `keys:`, and below it a list of the entries that `millrace new-key` prints";

const entry = z.strictObject({
  id: z.string().min(1, { error: "expected a text" }).max(128),
  prefix: z.string().regex(/^[!-~]{4,32}$/, { error: "expected the first 4 to 32 characters of the key" }),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, { error: "expected sha256: and 64 hexadecimal digits, as millrace new-key prints it" }),
  roles: z.array(z.string().min(1)).default([]),
  scopes: z.array(z.string().min(1)).default([]),
  expires: z.string().optional(),
  limits: z.strictObject(rateShape).optional(),
});

const file = z.strictObject(
  { keys: z.array(entry, { error: EXPECTED_KEYS }) },
  { error: ({ code }) => (code === "invalid_type" ? EXPECTED_KEYS : undefined) },
);

export const readApiKeys: ReadCredentials = (text) => {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // The parser's message shows the text around the fault.
    return { problems: ["it is not valid YAML"] };
  }
  const read = file.safeParse(value);
  if (!read.success)
    return { problems: read.error.issues.map(({ path, message }) => `${path.length === 0 ? "" : `${placeOf(path)}: `}${message}`) };
  const { keys } = read.data;
  const ends = keys.map(({ expires }) => (expires === undefined ? null : dateOf(expires)));
  const problems = [
    ...keys.flatMap(({ expires }, index) =>
      expires !== undefined && ends[index] === null
        ? [`keys.#${index + 1}.expires: expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z`]
        : [],
    ),
    ...keys.flatMap(({ limits }, index) =>
      rateFindings(limits, ["keys", index, "limits"]).map(({ message }) => `keys.#${index + 1}.limits: ${message}`),
    ),
    ...doubled(keys.map(({ id }) => id)).map((index) => `keys.#${index + 1}.id: another key has this id`),
    ...doubled(keys.map(({ hash }) => hash)).map((index) => `keys.#${index + 1}.hash: the same key stands there twice`),
  ];
  if (problems.length > 0) return { problems };
  const entries = keys.map(({ id, prefix, hash, roles, scopes, limits }, index): ApiKey => ({
    id,
    prefix,
    hash: hash.slice("sha256:".length),
    roles,
    scopes,
    expiresMs: ends[index] ?? null,
    rate: limits === undefined ? null : rateOf(limits),
  }));
  return { text: JSON.stringify(entries) };
};

function placeOf(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === "number" ? `#${part + 1}` : String(part))).join(".");
}

/** The positions of values that stand further in front already. */
function doubled(values: readonly string[]): readonly number[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (seen.has(value)) return [index];
    seen.add(value);
    return [];
  });
}
