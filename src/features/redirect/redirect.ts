/** Sends clients to another URL. */
import { urlTarget } from "../../policy/template/url-target.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import { redirectFacts } from "./facts.ts";
import type { RedirectConfig } from "./schema.ts";

export const redirect: Feature<"redirect"> = {
  name: "redirect",
  key: "redirect",
  facts: redirectFacts,
  compile: redirectMiddleware,
};

export function redirectMiddleware({ to, status }: RedirectConfig, { template }: Pick<FeatureContext, "template">): Middleware {
  const target = urlTarget(template(to));
  return {
    name: "redirect",
    onRequest: (exchange) => {
      const location = target((variable) => valueOf(exchange, variable));
      return { status, reason: "redirect", detail: "", fields: [["Location", location]] };
    },
  };
}
