/** Facts about the feature `validate` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const validateFacts = {
  guard: true,
  outcomes: {
    invalid_request: "400: a parameter or the body is not as the API's description says.",
    undescribed_path: "404: the API's description does not have the path.",
    undescribed_method: "405: the API's description does not have the method for the path.",
    undescribed_type: "415: the API's description does not have the body's media type, or the body is encoded and so cannot be checked.",
    body_not_checked: "413: the body is larger than `validate.max_body`.",
    invalid_response: "502: the upstream's response is not as the API's description says.",
    validation_busy: "503: the body would have to be checked, and bodies that are held take all of `limits.buffered_bytes`.",
  },
  counters: {
    validation_refused: {
      metric: "millrace_validation_refused_total",
      help: "Requests refused because they are not as the API's description says, or could not be checked.",
      outcomes: ["invalid_request", "undescribed_path", "undescribed_method", "undescribed_type", "body_not_checked", "validation_busy"],
    },
    responses_refused: {
      metric: "millrace_validation_responses_refused_total",
      help: "Responses of upstreams that were replaced by 502 because they are not as the API's description says.",
      outcomes: ["invalid_response"],
    },
    validation_reported: {
      metric: "millrace_validation_reported_total",
      help: "Requests and responses that are not as the API's description says, or could not be checked, and were passed on.",
      outcomes: [],
    },
  },
  events: {
    validation_reported:
      "A message was passed on that is not as the API's description says; `fault` says where, without the value. Said at most once a second, with the number of those in between.",
  },
} as const satisfies FeatureFacts;
