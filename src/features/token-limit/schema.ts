/** The key `token_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { limitKeySchema, roleOrderFindings } from "../../values/limit-key.ts";
import { oneOrList, wholeNumber } from "../../values/scalars.ts";
import { nameOf } from "../../values/texts.ts";
import { tokenLimitFacts } from "./facts.ts";

/** Above it the rounding of the arithmetic (policy/rate-limit/gcra.ts) would be more than some percent. */
const PER_MINUTE = { min: 1, max: 10_000_000 };
const BUDGET = { min: 1, max: 10_000_000_000 };
const ESTIMATE = { min: 1, max: 1_000_000 };

const budgetSchema = z.strictObject({
  tokens: wholeNumber(BUDGET).meta({ description: "Tokens that a client may use within each of these times." }),
  per: z.enum(["hour", "day", "month"]).meta({
    description: "How long: all tokens are there again at the beginning of the next hour, day or month of UTC.",
  }),
});

const allowanceShape = {
  tokens_per_minute: wholeNumber(PER_MINUTE).optional().meta({
    description:
      "Tokens that a client may use per minute in the long run; one that was quiet may use as many at once. Give this, `budget`, or both. Default: no such limit.",
  }),
  budget: budgetSchema.optional().meta({
    description: "Tokens that a client may use within an hour, a day or a month. Default: no such limit.",
  }),
};

const allowanceSchema = z.strictObject(allowanceShape);

const limitSchema = z.strictObject({
  ...allowanceShape,
  key: limitKeySchema,
  store: nameOf("the name of a store").optional().meta({
    description:
      "The store of `stores` in which the limit counts, for all machines together: those whose routes and limits are the same. A budget then outlives the process too. Absent: each process counts by itself. See docs/limits.md.",
  }),
  roles: z.record(z.string().min(1), allowanceSchema).default({}).meta({
    title: "mapping of roles",
    description:
      "Other limits for clients with a role that `authentication` has found, by the role's name: `{ pro: { tokens_per_minute: 1000000 } }`. The first role of this list that the client has decides, and its limits take the place of both.",
  }),
  count: z.enum(["total", "output"]).default("total").meta({
    description: "Which tokens count: those of request and answer together (`total`), or those of the answer (`output`).",
  }),
  estimate: wholeNumber(ESTIMATE).default(1000).meta({
    description:
      "Tokens that a request takes when it comes, at most all that the limit has; when its answer has passed, what it has really cost takes their place. Where an answer does not say what it has cost, at least these count.",
  }),
});

/** The limits of one kind of clients. */
export type Allowance = z.output<typeof allowanceSchema>;

/** A limit; `key` has at least one part. */
export type TokenLimit = z.output<typeof limitSchema>;

export const tokenLimitSchema = oneOrList(limitSchema, "limit").transform((given): readonly TokenLimit[] =>
  Array.isArray(given) ? given : [given],
);

export type TokenLimitConfig = z.output<typeof tokenLimitSchema>;

export const tokenLimitDeclaration = {
  facts: tokenLimitFacts,
  schema: tokenLimitSchema,
  description:
    "Tokens of language models per client, exact over all threads, as answers report them (`usage` of JSON and of streamed events) while they pass. Past it the answer is 429 with Retry-After. A list: all of its limits hold. It acts after `authentication` and `require`. Such a route admits no upgrade unless it has `upgrade`, because nothing is counted in a tunnel. Absent: no limit.",
  needsUpstream: () => true,
  calledElsewhere: {
    "": "ai_rate_limiting llm_limit ai_token_limit token_rate_limit llm_token_limit tokens_limit",
    tokens_per_minute: "tpm tokens_per_min",
    budget: "quota token_quota",
    roles: "tiers plans groups",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  const limits = Array.isArray(value) ? value.map((limit: unknown, index) => [limit, [...path, index]] as const) : [[value, path] as const];
  return limits.flatMap(([limit, place]) => [
    ...limitFindings(limit, place),
    ...entriesOf(at(limit, "roles")).flatMap(([role, allowance]) => limitFindings(allowance, [...place, "roles", role])),
    ...roleOrderFindings(entriesOf(at(limit, "roles")), [...place, "roles"]),
  ]);
}

const LIMITS = ["tokens_per_minute", "budget"];

/** An error unless there is something that limits. */
function limitFindings(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  if (LIMITS.some((key) => at(value, key) !== undefined)) return [];
  const problem = error(path, "expected tokens_per_minute, budget or both, found neither", true);
  return [{ ...problem, missing: LIMITS.map((key) => [...path, key]) }];
}
