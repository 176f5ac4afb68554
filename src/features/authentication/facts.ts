/** Facts about the feature `authentication` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const authenticationFacts = {
  guard: true,
  outcomes: {
    unauthorized: "401: no credentials, or wrong ones.",
    keys_unavailable: "503: the keys that tokens are verified with are not known yet.",
    certificate_needed: "403: no client certificate, where the route's `authentication` asks for nothing else.",
    certificate_not_admitted: "403: a client certificate for which the rules of `authentication.certificate` do not hold.",
    bad_request: "400: `X-API-Key` more than once.",
  },
  counters: {
    unauthorized: {
      metric: "millrace_unauthorized_total",
      help: "Requests answered 401 or 403 for missing or wrong credentials.",
      outcomes: ["unauthorized", "certificate_needed", "certificate_not_admitted"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
