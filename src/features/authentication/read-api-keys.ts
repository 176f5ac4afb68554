/** Reads the file of `api_keys`: who may come in with which key, of which only a hash is kept. */
import { YAMLParseError, parse } from "yaml";
import { z } from "zod";
import { dateOf } from "../../base/date-text.ts";
import { nearest } from "../../base/did-you-mean.ts";
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

const ID = "a text of 1 to 128 characters, who has the key";

const entry = z.strictObject({
  id: text(ID)
    .min(1, { error: `expected ${ID}` })
    .max(128, { error: `expected ${ID}` }),
  prefix: text("the first characters of the key").regex(/^[!-~]{4,32}$/, { error: "expected the first 4 to 32 characters of the key" }),
  hash: text("what millrace new-key prints").regex(/^sha256:[0-9a-f]{64}$/, {
    error: "expected sha256: and 64 hexadecimal digits, as millrace new-key prints it",
  }),
  roles: list("[deploy, read]").default([]),
  scopes: list("[read, write]").default([]),
  expires: text("a date such as 2027-01-31").optional(),
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
  } catch (error) {
    // The parser's message shows the text around the fault.
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    return { problems: [`it is not valid YAML${line === undefined ? "" : `: line ${line}`}`] };
  }
  const read = file.safeParse(value);
  if (!read.success)
    return {
      problems: read.error.issues.flatMap((issue) =>
        messagesOf(issue).map((message) => `${issue.path.length === 0 ? "" : `${placeOf(issue.path)}: `}${message}`),
      ),
    };
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

function text(what: string): z.ZodString {
  return z.string({
    error: ({ input }) => (input === undefined ? `is missing: expected ${what}` : `expected ${what}, not another kind of value`),
  });
}

function list(example: string): z.ZodArray<z.ZodString> {
  const error = `expected a list of texts, such as ${example}`;
  return z.array(z.string({ error }).min(1, { error }), { error });
}

/** An unknown key is shown only where it is nearly a known one: it may be a key of a client that stands in a wrong place. */
function messagesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [issue.message];
  const known = issue.path.length === 0 ? ["keys"] : Object.keys(issue.path.at(-1) === "limits" ? rateShape : entry.shape);
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    return near !== null && near.distance <= 2
      ? `unknown key "${key}"; did you mean "${near.word}"?`
      : `a key that is not known; known are ${known.join(", ")}`;
  });
}

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
