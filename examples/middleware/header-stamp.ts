/**
 * Writes a header field into requests, responses or both, with a value that is made once.
 *
 * For fields that say which proxy, route or worker a message has passed, and for fields that only the proxy may set: what the sender wrote
 * under the same name is removed. `request_headers` and `response_headers` of the configuration do the same with variables of the request; they do
 * not know the worker.
 *
 * ```yaml
 * middleware:
 *   - use: ./header-stamp.ts
 *     options: { header: X-Served-By, value: "eu-1 {route} {worker}", to: both }
 * ```
 */
import { defineMiddleware, fieldLine } from "millrace";
import type { MiddlewareHooks, RequestChanges, ResponseChanges } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, "a field name is made of letters, digits and hyphens")
    .default("X-Served-By")
    .describe("Name of the field."),
  value: z
    .string()
    .regex(/^[\x20-\x7e]+$/, "a field value is one line of ASCII")
    .describe(
      "Value of the field. {route} stands for the name of the route (`all` for middleware of all routes), {worker} for the number of the worker thread.",
    ),
  to: z.enum(["response", "request", "both"]).default("response").describe("Which messages get the field."),
  own_answers: z.boolean().default(true).describe("Whether the proxy's own answers get it too, such as a 404 or a 429."),
});

export default defineMiddleware({
  name: "header-stamp",
  options,
  setup: ({ header, value, to, own_answers }, { route, worker }) => {
    // Made once: a line that stays the same costs a message almost nothing.
    const line = fieldLine(header, value.replaceAll("{route}", route ?? "all").replaceAll("{worker}", String(worker)));
    const name = header.toLowerCase();
    const stamp = (head: RequestChanges | ResponseChanges): void => {
      head.remove(name);
      head.appendLines(line);
    };
    const hooks: MiddlewareHooks = {};
    if (to !== "response") hooks.onUpstreamRequest = (_exchange, request) => stamp(request);
    if (to !== "request")
      hooks.onResponse = (_exchange, response) => {
        if (response.head !== null || own_answers) stamp(response);
      };
    return hooks;
  },
});
