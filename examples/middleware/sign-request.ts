/**
 * Signs requests on their way upstream with a shared secret, so that the service can tell that they came through this proxy and were not
 * changed on the way: HTTP Message Signatures (RFC 9421, HMAC-SHA256) over method, host, path, query and a digest of the body (RFC 9530).
 * Libraries for these RFCs verify it.
 *
 * The body is held until it has come whole, so it has a limit: a larger one is refused with 413. A `Content-Digest` (SHA-256) that the client
 * sent is checked; one that does not fit the body is a 400. Fields under which a client tries to bring a signature of its own are removed.
 * A signature can be used again until it expires: let the service remember signatures for that long if that matters.
 *
 * Put it last: what a later middleware changes in the request would not be what was signed. The secret comes from the environment.
 *
 * ```yaml
 * middleware:
 *   - use: ./sign-request.ts
 *     options: { key_id: millrace-1, secret: "${SIGNING_SECRET}", fields: [content-type] }
 * ```
 */
import { createHash, createHmac } from "node:crypto";
import { answer, defineMiddleware } from "millrace";
import type { RequestHead } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  key_id: z
    .string()
    .regex(/^[A-Za-z0-9._:/-]+$/, "a key's name is made of letters, digits and . _ : / -")
    .describe("Names the secret to the service, so that secrets can be replaced one after the other."),
  secret: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, "the secret has less than 32 bytes: make one with openssl rand -base64 32")
    .describe("The shared secret: its bytes in UTF-8 are the key."),
  fields: z
    .array(z.string().regex(/^[a-z0-9-]+$/, "names of fields are written in lower case"))
    .default(["content-type"])
    .describe("Fields of the client that are signed too, if the request has them."),
  body_bytes_max: z
    .number()
    .int()
    .min(0)
    .default(1024 * 1024)
    .describe("Largest body in bytes. It is held in memory until it is whole."),
  expires_seconds: z.number().int().min(1).default(300).describe("How long a signature is valid."),
});

export default defineMiddleware({
  name: "sign-request",
  options,
  setup: ({ key_id, secret, fields, body_bytes_max, expires_seconds }, context) => {
    const digests = context.state<string>();
    return {
      onRequest: async (exchange) => {
        const body = await exchange.collectBody(body_bytes_max);
        if (body === null) return answer(413, { reason: "body_too_large", detail: "The body is too large to be signed." });
        const digest = createHash("sha256").update(body).digest("base64");
        if (claimedDigests(exchange.request).some((claimed) => claimed !== digest))
          return answer(400, { reason: "digest_mismatch", detail: "The body does not fit its Content-Digest." });
        digests.keep(exchange, `sha-256=:${digest}:`);
        return null;
      },
      // Once for each attempt. What goes out is what was received, unless a middleware before this one has changed it.
      onUpstreamRequest: (exchange, request) => {
        const digest = digests.of(exchange);
        if (digest === undefined) throw new Error("the body was not collected");
        const { request: received, startedAtMs } = exchange;
        const [path, query] = split(request.target ?? received.forwardTarget);
        const components: (readonly [name: string, value: string])[] = [
          ["@method", request.method ?? received.method],
          ["@authority", (request.authority ?? received.authority).toLowerCase().replace(/:(?:80|443)$/, "")],
          ["@path", path],
          ["@query", query],
          ["content-digest", digest],
          ...fields.filter((name) => received.has(name)).map((name) => [name, received.values(name).join(", ")] as const),
        ];
        const created = Math.floor(startedAtMs / 1000);
        const names = components.map(([name]) => `"${name}"`).join(" ");
        const parameters = `(${names});created=${created};expires=${created + expires_seconds};keyid="${key_id}";alg="hmac-sha256"`;
        const base = [...components, ["@signature-params", parameters] as const].map(([name, value]) => `"${name}": ${value}`).join("\n");
        request.set("Content-Digest", digest);
        request.set("Signature-Input", `millrace=${parameters}`);
        request.set("Signature", `millrace=:${createHmac("sha256", secret).update(base).digest("base64")}:`);
      },
    };
  },
});

/** The SHA-256 digests that the client says its body has, in base64. */
function claimedDigests(request: RequestHead): string[] {
  const values = request.values("content-digest").join(",");
  return [...values.matchAll(/(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):/gi)].map(([, digest = ""]) => digest);
}

/** Path, and query with its question mark; both as RFC 9421 section 2.2 has them. */
function split(target: string): [path: string, query: string] {
  const at = target.indexOf("?");
  return at < 0 ? [target, "?"] : [target.slice(0, at), target.slice(at)];
}
