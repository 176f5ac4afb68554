/** Facts about the feature `maintenance` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const maintenanceFacts = {
  guard: true,
  outcomes: { maintenance: "503: `maintenance` is switched on." },
  counters: {
    maintenance: {
      metric: "millrace_maintenance_total",
      help: "Requests answered 503 because maintenance is switched on.",
      outcomes: ["maintenance"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
