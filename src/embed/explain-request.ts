/** Turns what a program asks `explain` about into a request as the explanation takes it. */
import type { ExplainedRequest } from "../explain/explanation.ts";
import type { ExplainRequest } from "./proxy-types.ts";

/** Throws a TypeError if a line break would make another request of it. */
export function requestToExplain(request: ExplainRequest | Request): ExplainedRequest {
  const { method = "GET", url, headers } = request;
  const fields = headers === undefined ? [] : linesOf(headers);
  if ([method, url, ...fields].some((text) => /[\r\n]/.test(text))) throw new TypeError("a request to explain holds a line break");
  const { client, certificate } = "client" in request || "certificate" in request ? request : {};
  return { method, url, fields, client, certificate };
}

function linesOf(headers: NonNullable<ExplainRequest["headers"]>): string[] {
  const pairs: (readonly [string, string | readonly string[]])[] = isIterable(headers) ? [...headers] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => (typeof value === "string" ? [value] : value).map((each) => `${name}: ${each}`));
}

function isIterable(headers: NonNullable<ExplainRequest["headers"]>): headers is Headers | readonly (readonly [string, string])[] {
  return Symbol.iterator in headers;
}
