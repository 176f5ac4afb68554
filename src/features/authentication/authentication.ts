/**
 * Refuses requests that present none of the configured tokens. The token is for the proxy: the field that carried it is not forwarded, so
 * that no origin server logs it or passes it on.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { bearerToken, readCredentials } from "../../policy/access/credentials.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { authenticationFacts } from "./facts.ts";
import type { AuthenticationConfig } from "./schema.ts";

export const authentication: Feature<"authentication"> = {
  name: "authentication",
  key: "authentication",
  facts: authenticationFacts,
  compile: authenticationMiddleware,
};

/** The middleware of one route. */
export function authenticationMiddleware(config: AuthenticationConfig): Middleware {
  const accepted = config.tokens.map((token) => digest(token, "utf8"));
  return {
    name: "authentication",

    onRequest({ request }) {
      const credentials = readCredentials(request);
      if (credentials === null) return DUPLICATE;
      if (credentials.tokens.length === 0) return MISSING;
      let allValid = true;
      // The request's token is latin1 text, one character per byte. The configured tokens are Unicode text, which clients send as UTF-8.
      for (const token of credentials.tokens) if (!isAccepted(digest(token, "latin1"), accepted)) allValid = false;
      return allValid ? null : INVALID;
    },

    onUpstreamRequest({ request }, edits) {
      const authorization = request.get("authorization");
      if (authorization !== undefined && bearerToken(authorization) !== null) edits.remove("authorization");
      if (request.has("x-api-key")) edits.remove("x-api-key");
    },
  };
}

/**
 * Whether the digest is that of an accepted token. It is compared with every one of them in constant time, so the time tells nothing about
 * the tokens. Digests are compared because they all have one length.
 */
function isAccepted(presented: Buffer, accepted: readonly Buffer[]): boolean {
  let found = 0;
  for (const token of accepted) found |= Number(timingSafeEqual(presented, token));
  return found === 1;
}

function digest(token: string, encoding: "utf8" | "latin1"): Buffer {
  return hash("sha256", Buffer.from(token, encoding), "buffer");
}

const REALM = 'Bearer realm="millrace"';

const MISSING: LocalAnswer = {
  status: 401,
  reason: "unauthorized",
  detail: "A token is required.",
  fields: [["WWW-Authenticate", REALM]],
};

/** RFC 6750 section 3.1: `error` is named only when the request presented a token. */
const INVALID: LocalAnswer = {
  status: 401,
  reason: "unauthorized",
  detail: "The token is not valid.",
  fields: [["WWW-Authenticate", `${REALM}, error="invalid_token"`]],
};

const DUPLICATE: LocalAnswer = {
  status: 400,
  reason: "bad_request",
  detail: "Authorization and X-API-Key may each be given once.",
  fields: [],
  proxyStatus: "http_request_error",
};
