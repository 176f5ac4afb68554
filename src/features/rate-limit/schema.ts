/** The key `rate_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { limitKeySchema, roleOrderFindings } from "../../values/limit-key.ts";
import { rateFindings, rateOf, rateShape } from "../../values/rate.ts";
import { duration, oneOrList, wholeNumber } from "../../values/scalars.ts";
import { fieldName, filePath, nameOf } from "../../values/texts.ts";
import { FACTOR_EXPECTED, FACTOR_RANGE } from "../../policy/address-list/factor.ts";
import { rateLimitFacts } from "./facts.ts";

const COST = { min: 1, max: 1_000_000 };

const factor = z
  .number({ error: FACTOR_EXPECTED })
  .min(FACTOR_RANGE.min, { error: FACTOR_EXPECTED })
  .max(FACTOR_RANGE.max, { error: FACTOR_EXPECTED })
  .meta({ title: "number" });

const adaptingSchema = z.strictObject({
  statuses: z
    .array(wholeNumber({ min: 200, max: 599 }))
    .min(1, { error: "expected at least one status" })
    .default([401, 404, 429])
    .meta({
      description: "Statuses of answers, the proxy's own included, that are counted.",
    }),
  after: wholeNumber({ min: 1, max: 1_000_000 })
    .default(20)
    .meta({ description: "How many of them a client may meet at once, and in each `within`." }),
  within: duration({ min: 1_000, max: 86_400_000 })
    .default(60_000)
    .meta({ description: "The time in which the allowance of them comes back." }),
  factor: factor.default(0.25).meta({ description: "What the client's rate and burst are multiplied by when it has met more." }),
  for: duration({ min: 1_000, max: 86_400_000 }).default(600_000).meta({
    description: "How long that holds, from the last one that was too many.",
  }),
});

const limitSchema = z
  .strictObject({
    ...rateShape,
    cost: wholeNumber(COST).default(1).meta({ description: "How many requests each request of this route counts as." }),
    cost_header: fieldName.optional().meta({
      description:
        "A field in which responses say what the request has cost, as a whole number, 0 included: it counts in the place of `cost` from then on, if need be above what was left, up to one more `burst`. Responses without it, or with anything else in it, leave the cost as it was.",
    }),
    announce: z.boolean().default(false).meta({
      description:
        "Whether all responses tell clients of the limit and what is left of it, in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-12). Answers with 429 always do.",
    }),
    reputation_file: filePath.optional().meta({
      description:
        "The file of a list of addresses and blocks, each with a factor from 0.001 to 1000 behind it, such as `192.0.2.0/24 0.1`, with comments after `#` or `;`: the rate and the burst of these clients are multiplied by it, whatever `key` counts. Of several blocks that hold an address the smallest factor counts. Read again when it changes, without a reload. Relative to the configuration's folder.",
    }),
    adapting: adaptingSchema.optional().meta({
      description:
        "Gives less to clients, by their address, that meet refusals too often: who tries passwords or paths. `{}` has the defaults. Clients behind one address share its standing.",
    }),
    key: limitKeySchema,
    store: nameOf("the name of a store").optional().meta({
      description:
        "The store of `stores` in which the limit counts, for all machines together: those whose routes and limits are the same. Absent: each process counts by itself. See docs/limits.md.",
    }),
    lease: wholeNumber({ min: 2, max: 100_000 }).optional().meta({
      description:
        "How many requests a thread takes from the store at once, so that most need not wait for it; half of the burst at most. What nobody uses goes back within a second. A client gets at most 5 % of its burst above the limit, however many machines there are. Absent: each request asks, and the count is exact.",
    }),
    roles: z.record(z.string().min(1), z.strictObject(rateShape).transform(rateOf)).default({}).meta({
      title: "mapping of roles",
      description:
        "Other rates for clients with a role that `authentication` has found, by the role's name: `{ pro: { requests_per_minute: 1000 } }`. The first role of this list that the client has decides.",
    }),
  })
  .transform(({ key, store, lease, roles, cost, cost_header, announce, reputation_file, adapting, ...rate }) => ({
    key,
    store,
    lease,
    roles,
    cost,
    cost_header,
    announce,
    reputation_file,
    adapting,
    rate: rateOf(rate),
  }));

/** A limit; `key` has at least one part. */
export type Limit = z.output<typeof limitSchema>;

export const rateLimitSchema = oneOrList(limitSchema, "limit").transform((given): readonly Limit[] =>
  Array.isArray(given) ? given : [given],
);

export type RateLimitConfig = z.output<typeof rateLimitSchema>;

export const rateLimitDeclaration = {
  facts: rateLimitFacts,
  schema: rateLimitSchema,
  description:
    "Requests per client, exact over all threads. Past it the answer is 429 with Retry-After. A list: all of its limits hold. Limits by who the client is (`user`, `api_key`, `claim:NAME`, `roles`) act after `authentication` and `require`, all others before. Absent: no limit.",
  calledElsewhere: {
    "": "limit_req limit_req_zone ratelimit rate_limiter rate_limiting throttle throttling local_ratelimit",
    requests_per_minute: "requests average rate rpm limit",
    requests_per_second: "rps",
    roles: "tiers plans groups",
    cost: "tokens hits",
    announce: "headers response_headers",
  },
  ratedLists: ["reputation_file"],
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  const limits = Array.isArray(value) ? value.map((limit: unknown, index) => [limit, [...path, index]] as const) : [[value, path] as const];
  return limits.flatMap(([limit, place]) => [
    ...rateFindings(limit, place),
    ...costFindings(limit, place),
    ...leaseFindings(limit, place),
    ...entriesOf(at(limit, "roles")).flatMap(([role, rate]) => rateFindings(rate, [...place, "roles", role])),
    ...roleOrderFindings(entriesOf(at(limit, "roles")), [...place, "roles"]),
  ]);
}

function leaseFindings(limit: unknown, place: KeyPath): Finding[] {
  const lease = at(limit, "lease");
  if (lease === undefined) return [];
  const path = [...place, "lease"];
  if (at(limit, "store") === undefined) return [error(path, "it is about a store, and the limit has none", true)];
  const burst = burstOf(limit);
  if (typeof lease !== "number" || typeof burst !== "number" || lease <= burst / 2) return [];
  return [error(path, `it is more than half of the burst, which is ${burst}: one thread would leave too little to the others`)];
}

function burstOf(rate: unknown): unknown {
  return at(rate, "burst") ?? at(rate, "requests_per_minute") ?? at(rate, "requests_per_second");
}

/** A cost above a burst: no request would ever pass. */
function costFindings(limit: unknown, place: KeyPath): Finding[] {
  const cost = at(limit, "cost");
  if (typeof cost !== "number") return [];
  return [limit, ...entriesOf(at(limit, "roles")).map(([, rate]) => rate)].flatMap((rate) => {
    const burst = burstOf(rate);
    return typeof burst === "number" && burst < cost
      ? [error([...place, "cost"], `no request would pass: it costs ${cost}, and the burst is ${burst}`, true)]
      : [];
  });
}
