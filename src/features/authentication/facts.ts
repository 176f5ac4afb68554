/** Facts about the feature `authentication` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const authenticationFacts = {
  guard: true,
  outcomes: {
    unauthorized: "401: no credentials, or wrong ones.",
    logins_unavailable: "503: too many passwords wait to be verified, or they cannot be.",
    keys_unavailable: "503: the keys that tokens are verified with are not known yet.",
    certificate_needed: "403: no client certificate, where the route's `authentication` asks for nothing else.",
    certificate_not_admitted: "403: a client certificate for which the rules of `authentication.certificate` do not hold.",
    refused_by_service: "any status: the service of `authentication.forward` has not let the client in; this is its answer.",
    authentication_unavailable: "503: the service of `authentication.forward` has given no answer.",
    key_rate_limited: "429: an API key above the rate that its entry in the file says.",
    login_needed: "303: no session, so the browser is sent to the identity provider to log in.",
    logged_in: "303: a login has succeeded, and leads back to where it began.",
    logged_out: "303: the user has logged out, and is sent to the provider to log out there too.",
    logout_asked: "200: the page that asks whether to log out, where it is not certain that the user wants it.",
    logout_refused: "403: another site's page has asked for a logout.",
    login_expired: "400: the provider's answer belongs to no login of this browser, or comes too late.",
    login_loop: "400: one login after the other, and no session lasts.",
    login_rate_limited:
      "429: more than 30 logins of this address have failed within a minute, so the provider is not asked about another one.",
    login_refused: "403: the identity provider does not let this user in.",
    login_invalid: "502: the identity provider's answer does not pass the checks, or it does not take the proxy's.",
    session_too_large: "502: what the identity provider says of the user does not fit into cookies.",
    login_unavailable: "503: the identity provider does not answer, so nobody can log in.",
    session_revoked: "200: the identity provider has told that a user has logged out there.",
    logout_token_refused: "400: a logout token that does not pass the checks, or comes again.",
    bad_request: "400: `X-API-Key` more than once.",
  },
  counters: {
    unauthorized: {
      metric: "millrace_unauthorized_total",
      help: "Requests that were not let in for missing or wrong credentials.",
      outcomes: ["unauthorized", "certificate_needed", "certificate_not_admitted", "refused_by_service"],
    },
    key_rate_limited: {
      metric: "millrace_key_rate_limited_total",
      help: "Requests answered 429 by the limit of an API key.",
      outcomes: ["key_rate_limited"],
    },
    login_rate_limited: {
      metric: "millrace_login_rate_limited_total",
      help: "Answers of identity providers that were answered 429, because logins of the same address had failed.",
      outcomes: ["login_rate_limited"],
    },
  },
  events: {
    authentication_service_failed:
      "The service of `authentication.forward` has given no answer, or one that means nothing: clients get 503. At most every ten seconds for a route and thread.",
    login_unavailable: "An identity provider does not answer; at most one line a minute in each worker.",
    login_failed: "An identity provider's answer to a login cannot be used; at most one line a minute in each worker.",
    logout_token_refused: "A logout token was refused; at most one line a minute in each worker.",
    password_thread_ended: "The thread that verifies passwords has ended; logins that waited got 503, and a new one starts.",
  },
} as const satisfies FeatureFacts;
