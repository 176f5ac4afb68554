/**
 * Lets in whom it knows. Of the methods that a route has, the first one for which the request brings anything decides. What it finds out is the exchange's
 * `identity`, for `require`, middleware, the access log and, in fields, for upstreams.
 */
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { authenticationFacts } from "./facts.ts";
import { IdentityFields, namesOf } from "./identity-fields.ts";
import { isRefusal } from "./method.ts";
import type { Method, Verdict } from "./method.ts";
import { reservedCopies } from "../../policy/authentication/copied-fields.ts";
import { askedService } from "./forward.ts";
import { keysInFile } from "./api-keys.ts";
import { basicCredentials } from "./basic.ts";
import { KEY_LIMITS, keyLimits } from "./key-limits.ts";
import { takeLoginCookies } from "./login-cookies.ts";
import { InternalTokens } from "./internal-jwt.ts";
import { JwtVerifier, forwardedIn, jwtInCookie } from "./jwt.ts";
import { keyInQuery } from "./query-key.ts";
import { configuredTokens, presentedTokens } from "./presented-tokens.ts";
import type { FindToken } from "./presented-tokens.ts";
import type { AuthenticationConfig } from "./schema.ts";
import { OidcMethod } from "./oidc.ts";
import { shownCertificate } from "./shown-certificate.ts";

/** What the methods need of the thread and the route. */
type Needed = LimiterThread &
  Pick<FeatureContext, "credentials" | "passwords" | "logins" | "stores" | "workerIndex" | "now" | "report" | "template" | "route">;

export const authentication: Feature<"authentication"> = {
  name: "authentication",
  key: "authentication",
  facts: authenticationFacts,
  compile: authenticationMiddleware,
  forKnown: {
    name: KEY_LIMITS,
    isIn: ({ api_keys: apiKeys }) => apiKeys !== undefined,
    compile: ({ api_keys: apiKeys }, context) => keyLimits(apiKeys?.file ?? "", context),
  },
  // Applications that other routes serve on the same host could use the sessions of this one.
  beside: { isIn: ({ oidc }) => oidc !== undefined, middleware: { name: "authentication", onUpstreamRequest: takeLoginCookies } },
  reserves: ({ identity_headers: headers, forward, internal_jwt: internal }) => [
    ...(headers === undefined ? [] : namesOf(headers)),
    ...(forward === undefined ? [] : reservedCopies(forward.copy)),
    ...(internal === undefined ? [] : reservedCopies([{ name: internal.header, from: "" }])),
  ],
};

/** The middleware of one route. */
export function authenticationMiddleware(config: AuthenticationConfig, context: Needed): Middleware {
  const others = methodsOf(config, context);
  const ofOthers = { challenges: challengesOf(others), ownToken: forwardedIn(config.jwt) };
  const login = config.oidc === undefined ? null : new OidcMethod(config.oidc, config.optional, ofOthers, context);
  const methods = login === null ? others : [...others, login];
  const unknown = config.optional ? null : challengeOf(methods);
  const tokens =
    config.internal_jwt === undefined ? null : new InternalTokens(config.internal_jwt, context.credentials, context.logins.epochMs);
  const fields = config.identity_headers === undefined ? null : new IdentityFields(config.identity_headers);

  const settle = (exchange: ExchangeView, verdict: Verdict): LocalAnswer | null => {
    if (isRefusal(verdict)) return verdict;
    exchange.authenticate(verdict);
    return null;
  };
  /** Asks the methods from that position on. */
  const ask = (exchange: ExchangeView, from: number): LocalAnswer | null | Promise<LocalAnswer | null> => {
    for (let at = from; at < methods.length; at++) {
      const verdict = methods[at]?.judge(exchange) ?? null;
      if (verdict instanceof Promise)
        return verdict.then((settled) => (settled === null ? ask(exchange, at + 1) : settle(exchange, settled)));
      if (verdict !== null) return settle(exchange, verdict);
    }
    return unknown;
  };
  return {
    name: "authentication",
    onRequest: login === null ? (exchange) => ask(exchange, 0) : (exchange) => login.ownAnswer(exchange) ?? ask(exchange, 0),
    onUpstreamRequest(exchange, request) {
      for (let at = 0; at < methods.length; at++) methods[at]?.editRequest?.(exchange, request);
      const { identity } = exchange;
      if (fields !== null && identity !== null) fields.write(identity, request);
      if (tokens !== null) tokens.write(exchange, request);
    },
    ...(login === null && (config.forward === undefined || config.forward.copy_response.length === 0)
      ? {}
      : { onResponse: (exchange, response) => methods.forEach((method) => method.editResponse?.(exchange, response)) }),
  };
}

/** All methods but `oidc`, in the order in which they are asked. */
function methodsOf(
  { tokens, api_keys: apiKeys, jwt, basic, certificate, forward }: AuthenticationConfig,
  context: Needed,
): readonly Method[] {
  const { credentials, passwords } = context;
  const keys = apiKeys === undefined ? null : keysInFile(credentials.file(apiKeys.file));
  const found: readonly FindToken[] = [...(tokens === undefined ? [] : [configuredTokens(tokens)]), ...(keys === null ? [] : [keys])];
  const verifier = jwt === undefined ? null : new JwtVerifier(jwt, credentials);
  const cookie = verifier?.cookie ?? null;
  const inHeader = cookie === null ? verifier : null;
  return [
    ...(found.length === 0 && inHeader === null ? [] : [presentedTokens(found, inHeader)]),
    ...(keys === null || apiKeys?.query === undefined ? [] : [keyInQuery(keys, apiKeys.query)]),
    ...(verifier === null || cookie === null ? [] : [jwtInCookie(verifier, cookie)]),
    ...(basic === undefined ? [] : [basicCredentials(basic, credentials, passwords)]),
    ...(certificate === undefined ? [] : [shownCertificate(certificate)]),
    ...(forward === undefined ? [] : [askedService(forward, forwardedIn(jwt), context)]),
  ];
}

/** The values of WWW-Authenticate that the methods have, each once. */
function challengesOf(methods: readonly Method[]): readonly string[] {
  return [...new Set(methods.map(({ challenge }) => challenge).filter((challenge) => challenge !== null))];
}

/** The answer to a client that brings nothing. Where no method has a scheme, 401 would say nothing of what to bring. */
function challengeOf(methods: readonly Method[]): LocalAnswer {
  const challenges = challengesOf(methods);
  if (challenges.length === 0)
    return {
      status: 403,
      reason: "certificate_needed",
      detail: "A client certificate is required.",
      fields: [],
      proxyStatus: "http_request_denied",
    };
  const fields = challenges.map((challenge) => ["WWW-Authenticate", challenge] as const);
  return { status: 401, reason: "unauthorized", detail: "Credentials are required.", fields };
}
