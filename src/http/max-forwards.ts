import { Known } from "./known-fields.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * How many times an OPTIONS request may still be forwarded (Max-Forwards, RFC 9110 section 7.6.2). Null: no limit, no valid number, or another
 * method.
 */
export function maxForwards(request: RequestHead): number | null {
  if (request.method !== "OPTIONS") return null;
  const value = request.knownValue(Known.maxForwards);
  return value !== undefined && /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}
