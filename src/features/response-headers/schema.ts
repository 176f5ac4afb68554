/** The key `response_headers` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at } from "../../values/finding.ts";
import { fieldEditFindings, fieldEditShape } from "../../values/field-edits.ts";
import { responseHeadersFacts } from "./facts.ts";

export const responseHeadersSchema = z.strictObject({
  ...fieldEditShape("response"),
  own_answers: z.boolean().default(false).meta({
    description:
      "Whether answers of the proxy's own get these edits too, such as a 429 or what `respond` says. Their `Content-Type` stays as it is: variables in their text are escaped for it.",
  }),
});

export type ResponseHeadersConfig = z.output<typeof responseHeadersSchema>;

export const responseHeadersDeclaration = {
  facts: responseHeadersFacts,
  schema: responseHeadersSchema,
  everywhere: true,
  // A file is no answer of the kind that `own_answers` means.
  needsUpstream: (value, end) => end !== "files" && at(value, "own_answers") !== true,
  description:
    "Fields of responses that are set, added, removed or renamed before they are sent to the client. Interim responses and trailers pass as they are.",
  calledElsewhere: {
    "": "header_down add_header more_set_headers custom_response_headers response_header proxy_hide_header more_clear_headers",
    set: "set_response_headers set_headers",
    add: "response_headers_to_add add_response_header add_response_headers",
    remove: "response_headers_to_remove hide_headers remove_response_headers",
    own_answers: "always",
  },
  check: fieldEditFindings,
} as const satisfies FeatureDeclaration;
