/** The keys that say how often something may happen: those of `rate_limit`, of its roles, and of entries in a file of keys. */
import { z } from "zod";
import { isOfIdentity } from "../policy/rate-limit/identity-keys.ts";
import type { Rate } from "../policy/rate-limit/rate.ts";
import { at, entriesOf, error } from "./finding.ts";
import type { Finding, KeyPath } from "./finding.ts";
import { wholeNumber } from "./scalars.ts";

const REQUESTS = { min: 1, max: 1_000_000 };

export const rateShape = {
  requests_per_minute: wholeNumber(REQUESTS).optional().meta({
    description: "Requests that a client may make per minute in the long run. Give this or `requests_per_second`.",
  }),
  requests_per_second: wholeNumber(REQUESTS).optional().meta({
    description: "Requests that a client may make per second in the long run. Give this or `requests_per_minute`.",
  }),
  burst: wholeNumber(REQUESTS).optional().meta({
    description: "Requests that a client which was quiet may make at once. Default: the number of requests per minute or per second.",
  }),
};

const shape = z.strictObject(rateShape);
export type RateKeys = z.output<typeof shape>;

/** The rate that the keys say, of which exactly one of the two rates must be there. */
export function rateOf({ requests_per_minute: perMinute, requests_per_second: perSecond, burst }: RateKeys): Rate {
  const requests = perMinute ?? perSecond ?? REQUESTS.min;
  return { requests, windowSeconds: perMinute === undefined ? 1 : 60, burst: burst ?? requests };
}

const RATES = ["requests_per_minute", "requests_per_second"];

/** An error unless exactly one of the two rates is there. */
export function rateFindings(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const rates = RATES.filter((key) => at(value, key) !== undefined);
  if (rates.length === 1) return [];
  const found = rates.length === 0 ? "neither" : "both";
  const where = rates[1] === undefined ? path : [...path, rates[1]];
  const problem = error(where, `expected requests_per_minute or requests_per_second, found ${found}`, true);
  return [rates.length > 0 ? problem : { ...problem, missing: RATES.map((rate) => [...path, rate]) }];
}

/** Whether a limit of `rate_limit`, as it is in the file, depends on who the client is. */
export function needsIdentity(value: unknown): boolean {
  return (Array.isArray(value) ? value : [value]).some((limit: unknown) => {
    const key = at(limit, "key");
    const parts: readonly unknown[] = Array.isArray(key) ? key : [key];
    return entriesOf(at(limit, "roles")).length > 0 || parts.some((part) => typeof part === "string" && isOfIdentity(part));
  });
}
