/** The key `request_headers` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { fieldEditFindings, fieldEditShape } from "../../values/field-edits.ts";
import { requestHeadersFacts } from "./facts.ts";

export const requestHeadersSchema = z.strictObject(fieldEditShape("request"));

export type RequestHeadersConfig = z.output<typeof requestHeadersSchema>;

export const requestHeadersDeclaration = {
  facts: requestHeadersFacts,
  schema: requestHeadersSchema,
  everywhere: true,
  needsUpstream: () => true,
  description:
    "Fields of requests that are set, added, removed or renamed before they are sent to the upstream. What frames a message, and what the proxy says about the client, cannot be edited.",
  calledElsewhere: {
    "": "header_up proxy_set_header custom_request_headers request_header requestheader",
    set: "set_request_headers set_header",
    add: "add_headers request_headers_to_add add_request_header add_request_headers",
    remove: "request_headers_to_remove del_header remove_headers remove_request_headers",
  },
  check: fieldEditFindings,
} as const satisfies FeatureDeclaration;
