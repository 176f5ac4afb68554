/** Facts about the feature `filter` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const filterFacts = {
  guard: true,
  outcomes: {
    filter_method: "405: the route's `filter` does not list the method.",
    filter_type: "415: the body is of a type that the route's `filter` does not list, or is encoded although it is to be read.",
    filter_body: "400: the body, or a document of GraphQL in the query, is malformed or exceeds a limit of the route's `filter`.",
    filter_size: "413: the body, or a part of it, is larger than the route's `filter` admits.",
    filter_memory: "503: the body could not be held to be judged, because `limits.buffered_bytes` was used up.",
  },
  counters: {
    filtered: {
      metric: "millrace_filtered_total",
      help: "Requests refused by filter.",
      outcomes: ["filter_method", "filter_type", "filter_body", "filter_size"],
    },
    filter_memory: {
      metric: "millrace_filter_memory_total",
      help: "Requests answered 503 because no memory was left to hold the body that filter judges.",
      outcomes: ["filter_memory"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
