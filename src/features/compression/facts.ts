/** Facts about the feature `compression` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const compressionFacts = {
  guard: false,
  afterOwn: true,
  outcomes: {
    decoded_body: "400: the request's body is not in the coding that its Content-Encoding names.",
    decoded_size: "413: the request's body is larger than `compression.requests` admits when it is decoded.",
    decoded_memory: "503: there was no memory left to decode the request's body: `compression.max_memory` was used up.",
  },
  counters: {
    compressed: { metric: "millrace_compressed_total", help: "Responses that were compressed.", outcomes: [] },
    compression_skipped: {
      metric: "millrace_compression_skipped_total",
      help: "Responses that passed uncompressed because the thread was under load or no memory was left.",
      outcomes: [],
    },
    decoded_refused: {
      metric: "millrace_decoded_refused_total",
      help: "Requests refused because of what their bodies are when they are decoded.",
      outcomes: ["decoded_body", "decoded_size", "decoded_memory"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
