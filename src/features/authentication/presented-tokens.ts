/**
 * Tokens in `Authorization: Bearer` and `X-API-Key`: those of the configuration, keys of a file, and JWTs. They are for the proxy: the field that carried one is not
 * forwarded, so that no origin server logs it or passes it on.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { bearerToken, readCredentials } from "../../policy/authentication/credentials.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { isJwt } from "./jwt.ts";
import type { JwtVerifier } from "./jwt.ts";
import { INVALID_TOKEN, REALM, isRefusal } from "./method.ts";
import type { Method, Verdict } from "./method.ts";

/** Finds whose token it is, or why it is nobody's any more. Null: it is not known. @param token latin1 text, one character per byte */
export type FindToken = (token: string, nowMs: number) => Verdict | null;

/**
 * @param find each is asked in turn
 * @param jwt verifies Bearer tokens that have the form of a JWT; null: such a token is one like the others
 */
export function presentedTokens(find: readonly FindToken[], jwt: JwtVerifier | null): Method {
  const identify = (token: string, nowMs: number): Verdict => {
    for (let at = 0; at < find.length; at++) {
      const verdict = find[at]?.(token, nowMs) ?? null;
      if (verdict !== null) return verdict;
    }
    return INVALID_TOKEN;
  };
  return {
    challenge: `Bearer ${REALM}`,

    judge({ request, startedAtMs }) {
      const credentials = readCredentials(request);
      if (credentials === null) return DUPLICATE;
      const { tokens } = credentials;
      if (jwt !== null && isBearer(request)) {
        // A JWT stands in Authorization; what a key beside it says, nobody has asked.
        const [token = ""] = tokens;
        if (isJwt(token)) return jwt.judge(token, startedAtMs);
      }
      if (find.length === 0) return tokens.length === 0 || !isBearer(request) ? null : INVALID_TOKEN;
      let first: Identity | null = null;
      // All that a request brings must be valid.
      for (let at = 0; at < tokens.length; at++) {
        const verdict = identify(tokens[at] ?? "", startedAtMs);
        if (isRefusal(verdict)) return verdict;
        first ??= verdict;
      }
      return first;
    },

    editRequest({ request, identity }, edits) {
      const isForwarded = jwt?.forwards === true && identity?.method === "jwt";
      if (isBearer(request) && !isForwarded) edits.remove("authorization");
      if (find.length > 0 && request.has("x-api-key")) edits.remove("x-api-key");
    },
  };
}

function isBearer(request: RequestHead): boolean {
  const authorization = request.get("authorization");
  return authorization !== undefined && bearerToken(authorization) !== null;
}

/** The tokens that stand in the configuration. */
export function configuredTokens(tokens: readonly string[]): FindToken {
  const accepted = tokens.map((token) => digest(token, "utf8"));
  // The request's token is latin1 text. The configured tokens are Unicode text, which clients send as UTF-8.
  return (token) => (isAccepted(digest(token, "latin1"), accepted) ? TOKEN_HOLDER : null);
}

/** A token of the configuration has no name. */
const TOKEN_HOLDER: Identity = { method: "tokens", user: "", roles: [], scopes: [], claims: {} };

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

const DUPLICATE: LocalAnswer = {
  status: 400,
  reason: "bad_request",
  detail: "Authorization and X-API-Key may each be given once.",
  fields: [],
  proxyStatus: "http_request_error",
};
