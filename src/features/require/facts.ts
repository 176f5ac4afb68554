/** Facts about the feature `require` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const requireFacts = {
  guard: true,
  outcomes: {
    role_required: "403: the client has none of the roles that `require` asks for.",
    scope_required: "403: the client's token lacks a scope that `require` asks for.",
    claim_required: "403: a claim of the client's token has none of the values that `require` asks for.",
  },
  counters: {
    requirement_lacked: {
      metric: "millrace_requirement_lacked_total",
      help: "Requests answered 403 because their client lacks a role, scope or claim.",
      outcomes: ["role_required", "scope_required", "claim_required"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
