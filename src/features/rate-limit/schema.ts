/** The key `rate_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, error } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { wholeNumber } from "../../values/scalars.ts";
import { rateLimitFacts } from "./facts.ts";

const REQUESTS = { min: 1, max: 1_000_000 };

export const rateLimitSchema = z
  .strictObject({
    requests_per_minute: wholeNumber(REQUESTS).optional().meta({
      description: "Requests that a client may make per minute in the long run. Give this or `requests_per_second`.",
    }),
    requests_per_second: wholeNumber(REQUESTS).optional().meta({
      description: "Requests that a client may make per second in the long run. Give this or `requests_per_minute`.",
    }),
    burst: wholeNumber(REQUESTS).optional().meta({
      description: "Requests that a client which was quiet may make at once. Default: the number of requests per minute or per second.",
    }),
    key: z
      .string()
      .regex(/^(?:client_ip|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/, { error: "expected client_ip or header:NAME" })
      .default("client_ip")
      .meta({
        title: "`client_ip` or `header:NAME`",
        description:
          "What is counted: the client's address (IPv6 by its /64), or the value of a field. With `header:NAME` a client that may send any value has as many allowances as it likes: name only a field that a trusted proxy sets, or one whose value `authentication` checks.",
      }),
  })
  .transform((given) => ({ ...given, burst: given.burst ?? given.requests_per_minute ?? given.requests_per_second ?? REQUESTS.min }));

/** Exactly one of the two rates is set; `key` is `client_ip` or `header:NAME`. */
export type RateLimitConfig = z.output<typeof rateLimitSchema>;

export const rateLimitDeclaration = {
  facts: rateLimitFacts,
  schema: rateLimitSchema,
  description: "Requests per client, exact over all threads. Past it the answer is 429 with Retry-After. Absent: no limit.",
  calledElsewhere: {
    "": "limit_req limit_req_zone ratelimit rate_limiter rate_limiting throttle throttling local_ratelimit",
    requests_per_minute: "requests average rate rpm limit",
    requests_per_second: "rps",
  },
  check,
} as const satisfies FeatureDeclaration;

const RATES = ["requests_per_minute", "requests_per_second"];

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const rates = RATES.filter((key) => at(value, key) !== undefined);
  if (rates.length === 1) return [];
  const found = rates.length === 0 ? "neither" : "both";
  const where = rates[1] === undefined ? path : [...path, rates[1]];
  const problem = error(where, `expected requests_per_minute or requests_per_second, found ${found}`, true);
  return [rates.length > 0 ? problem : { ...problem, missing: RATES.map((rate) => [...path, rate]) }];
}
