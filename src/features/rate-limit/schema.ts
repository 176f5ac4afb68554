/** The key `rate_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { rateFindings, rateOf, rateShape } from "../../values/rate.ts";
import { oneOrList, oneOrMore } from "../../values/scalars.ts";
import { rateLimitFacts } from "./facts.ts";

const KEY = /^(?:client_ip|user|api_key|path|route|claim:[^\0-\x20]+|(?:header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/;

const limitSchema = z
  .strictObject({
    ...rateShape,
    key: oneOrMore(
      z.string().regex(KEY, { error: "expected client_ip, user, api_key, path, route, header:NAME, cookie:NAME or claim:NAME" }),
    )
      .default(["client_ip"])
      .meta({
        title: "text or list",
        description:
          "What is counted, one or several together: `client_ip`, the client's address (IPv6 by its /64); `user`, the user's name as `authentication` has found it; `api_key`, the id of the key of `api_keys`; `claim:NAME`, a claim of the client's token; `path`, in its canonical form; `route`, all requests of the route together; `header:NAME` and `cookie:NAME`, what the request brings. Where a request lacks it, the client's address counts. A client that may send any value has as many allowances as it likes: of fields name only one that a trusted proxy sets, or whose value `authentication` checks.",
      }),
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
