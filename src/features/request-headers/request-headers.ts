/** Sets, adds, removes and renames fields of requests. */
import { planEdits } from "../../policy/headers/edit-plan.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { FieldPlan } from "../../proxy/feature/field-plan.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { requestHeadersFacts } from "./facts.ts";
import type { RequestHeadersConfig } from "./schema.ts";

export const requestHeaders: Feature<"request_headers"> = {
  name: "request-headers",
  key: "request_headers",
  facts: requestHeadersFacts,
  compile: requestHeadersMiddleware,
};

function requestHeadersMiddleware(levels: readonly RequestHeadersConfig[], { template }: Pick<FeatureContext, "template">): Middleware {
  const plan = new FieldPlan(planEdits(levels), template);
  return {
    name: "request-headers",
    onUpstreamRequest: (exchange, request) => plan.apply(exchange, exchange.request, request),
  };
}
