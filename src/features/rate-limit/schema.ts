/** The key `rate_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { limitKeySchema } from "../../values/limit-key.ts";
import { rateFindings, rateOf, rateShape } from "../../values/rate.ts";
import { oneOrList } from "../../values/scalars.ts";
import { rateLimitFacts } from "./facts.ts";

const limitSchema = z
  .strictObject({
    ...rateShape,
    key: limitKeySchema,
    roles: z.record(z.string().min(1), z.strictObject(rateShape).transform(rateOf)).default({}).meta({
      title: "mapping of roles",
      description:
        "Other rates for clients with a role that `authentication` has found, by the role's name: `{ pro: { requests_per_minute: 1000 } }`. The first role of this list that the client has decides.",
    }),
  })
  .transform(({ key, roles, ...rate }) => ({ key, roles, rate: rateOf(rate) }));

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
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  const limits = Array.isArray(value) ? value.map((limit: unknown, index) => [limit, [...path, index]] as const) : [[value, path] as const];
  return limits.flatMap(([limit, place]) => [
    ...rateFindings(limit, place),
    ...entriesOf(at(limit, "roles")).flatMap(([role, rate]) => rateFindings(rate, [...place, "roles", role])),
    ...orderFindings(entriesOf(at(limit, "roles")), [...place, "roles"]),
  ]);
}

/** The order of keys in a JavaScript object: those that are whole numbers first. */
function orderFindings(roles: readonly (readonly [role: string, rate: unknown])[], path: KeyPath): Finding[] {
  if (roles.length < 2 || !roles.some(([role]) => /^(?:0|[1-9][0-9]{0,9})$/.test(role))) return [];
  return [
    warning(path, "roles that are whole numbers come before all others, by size: of several that a client has the first one decides"),
  ];
}
