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
  },
  events: {
    authentication_service_failed:
      "The service of `authentication.forward` has given no answer, or one that means nothing: clients get 503. At most every ten seconds for a route and thread.",
    password_thread_ended: "The thread that verifies passwords has ended; logins that waited got 503, and a new one starts.",
  },
} as const satisfies FeatureFacts;
