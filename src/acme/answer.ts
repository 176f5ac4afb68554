/** Reads what a certificate authority answers. Nothing in it is trusted: each value is checked for its kind before it is used. */
import type { AcmeResponse } from "./acme-http.ts";
import { AcmeFault, AcmeProblem, property, shown } from "./acme-error.ts";

/** The longest time for which the authority is left alone on its word. Some say days; an operator wants to see a log line once a day. */
const RETRY_AFTER_MS_MAX = 24 * 3600_000;

/** Throws what the answer says is wrong; returns when it says nothing of the kind. */
export function checkAnswer(response: AcmeResponse, now: number): void {
  const { status } = response;
  if (status >= 200 && status < 300) return;
  const wait = retryAfterMs(response, now);
  if (status >= 300 && status < 400) throw new AcmeFault(`the authority redirects (${status}), which is not followed`, wait);
  const isProblem = mediaType(response) === "application/problem+json" || mediaType(response) === "application/json";
  const document = isProblem ? parsed(response.body) : undefined;
  if (document === undefined) throw new AcmeFault(`the authority answers ${status} without saying why`, wait);
  throw new AcmeProblem(document, status, wait);
}

/** The object of a JSON answer. Throws where there is none. */
export function objectOf(response: AcmeResponse): object {
  const type = mediaType(response);
  if (type !== "application/json")
    throw new AcmeFault(`the authority answers ${type === "" ? "something" : shown(type)} where JSON is due`);
  const value = parsed(response.body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new AcmeFault("the authority's JSON cannot be read");
  return value;
}

/** A text of an answer; throws where there is none. */
export function textOf(value: unknown, key: string): string {
  const text = property(value, key);
  if (typeof text !== "string" || text === "") throw new AcmeFault(`the authority's answer has no ${key}`);
  return text;
}

/** A time of an answer (RFC 3339), in epoch milliseconds; throws where there is none. */
export function timeOf(value: unknown, key: string): number {
  const ms = Date.parse(textOf(value, key));
  if (Number.isNaN(ms)) throw new AcmeFault(`${key} in the authority's answer is no time`);
  return ms;
}

/** The media type in lower case, without parameters. */
export function mediaType(response: AcmeResponse): string {
  return (response.field("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The time in Retry-After (RFC 9110 section 10.2.3) from now on, in milliseconds and at most a day; null: there is none that can be read. */
export function retryAfterMs(response: AcmeResponse, now: number): number | null {
  const value = response.field("retry-after")?.trim() ?? "";
  if (value === "") return null;
  const ms = /^\d{1,12}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
