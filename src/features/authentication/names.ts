import type { FeatureNames } from "../../values/feature-names.ts";

export const authenticationNames = {
  outcomes: { unauthorized: "401: no token, or a wrong one.", bad_request: "400: `X-API-Key` more than once." },
  counters: {
    unauthorized: {
      metric: "millrace_unauthorized_total",
      help: "Requests answered 401 for a missing or wrong token.",
      outcomes: ["unauthorized"],
    },
  },
  events: {},
} as const satisfies FeatureNames;
