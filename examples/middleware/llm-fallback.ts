/**
 * A step of a gateway for language models: where one provider is busy or broken (429, 5xx, or no answer), the same request goes to the next one, with
 * that one's key and its name of the model. The answer streams to the client, whoever gives it.
 *
 * The request's body is kept until somebody has answered, because it may have to be sent again. Larger ones than `body_bytes_max` have one provider only.
 * A provider that broke off before it answered may have worked for nothing, and charge for it.
 *
 * Each fallback gets its own fields and a few of the client's; neither the client's credentials nor those for another provider. It is asked for an answer
 * without compression, so that `token_limit` can count its tokens, as it does those of the first provider.
 *
 * ```yaml
 * middleware:
 *   - use: ./llm-fallback.ts
 *     options:
 *       fallbacks:
 *         - { upstream: second, model: small-2, headers: { Authorization: "Bearer ${SECOND_KEY}" } }
 * ```
 */
import { defineMiddleware } from "millrace";
import type { ExchangeView, ResponseSource } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  fallbacks: z
    .array(
      z.strictObject({
        upstream: z.string().min(1).describe("Name of the upstream to ask."),
        model: z.string().min(1).optional().describe("What `model` in the request's JSON becomes. Absent: it stays."),
        path: z.string().startsWith("/").optional().describe("Path and query of the request there. Absent: as the client sent them."),
        headers: z.record(z.string(), z.string()).default({}).describe("Fields of the request there, such as the key of the account."),
      }),
    )
    .min(1)
    .describe("Whom to ask, one after the other."),
  statuses: z
    .array(z.number().int().min(400).max(599))
    .default([429, 500, 502, 503, 504, 529])
    .describe("Statuses of responses after which the next one is asked."),
  body_bytes_max: z
    .number()
    .int()
    .min(1)
    .default(4 * 1024 * 1024)
    .describe("Largest body of a request that is kept for another attempt."),
});

type Fallback = z.output<typeof options>["fallbacks"][number];

/** Fields of the client that providers need; in lower case. */
const PASSED = ["content-type", "accept", "anthropic-version", "anthropic-beta", "openai-beta"];

export default defineMiddleware({
  name: "llm-fallback",
  options,
  setup: ({ fallbacks, statuses, body_bytes_max }, context) => {
    const bodies = context.state<Buffer>();
    const fellBack = context.counter("fell_back");
    const isBusy = (status: number): boolean => statuses.includes(status);

    /** A response of the fallback at that place, or of one after it; null: there is none left. */
    const next = (exchange: ExchangeView, body: Buffer, place: number): ResponseSource | null => {
      const fallback = fallbacks[place];
      if (fallback === undefined) return null;
      fellBack.add();
      context.log.warn("another provider is asked", { upstream: fallback.upstream, request_id: exchange.requestId });
      return exchange.relay(
        fallback.upstream,
        {
          method: exchange.request.method,
          path: fallback.path ?? exchange.request.forwardTarget,
          headers: fieldsFor(exchange, fallback),
          body: withModel(body, fallback),
        },
        { otherwise: (head) => (head !== null && !isBusy(head.status) ? null : next(exchange, body, place + 1)) },
      );
    };

    return {
      onRequest: async (exchange) => {
        if (exchange.request.method !== "POST") return null;
        const body = await exchange.collectBody(body_bytes_max);
        if (body !== null) bodies.keep(exchange, body);
        return null;
      },
      onUpstreamResponse: (exchange, { head }) => {
        const body = bodies.of(exchange);
        return body === undefined || (head !== null && !isBusy(head.status)) ? null : next(exchange, body, 0);
      },
    };
  },
});

function fieldsFor({ request }: ExchangeView, { headers }: Fallback): Record<string, string> {
  const fields: Record<string, string> = { "Accept-Encoding": "identity" };
  for (const name of PASSED) {
    const value = request.get(name);
    if (value !== undefined) fields[name] = value;
  }
  return { ...fields, ...headers };
}

/** The body with the fallback's name of the model. What is no JSON stays as it is. */
function withModel(body: Buffer, { model }: Fallback): Buffer {
  if (model === undefined) return body;
  try {
    const asked: unknown = JSON.parse(body.toString());
    return typeof asked === "object" && asked !== null && !Array.isArray(asked) ? Buffer.from(JSON.stringify({ ...asked, model })) : body;
  } catch {
    return body;
  }
}
