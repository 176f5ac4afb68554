/** Sends clients to another URL. */
import { urlTexts } from "../../policy/template/cleaned-texts.ts";
import { escapeUrl } from "../../policy/template/escapes.ts";
import { fillIn } from "../../policy/template/template.ts";
import { namesHost, withoutHost } from "../../policy/template/url-target.ts";
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
  const parts = urlTexts(template(to));
  const leavesHost = namesHost(parts);
  return {
    name: "redirect",
    onRequest: (exchange) => {
      const filled = fillIn(parts, (variable) => valueOf(exchange, variable), escapeUrl);
      const location = leavesHost ? filled : withoutHost(filled);
      return { status, reason: "redirect", detail: "", fields: [["Location", location]] };
    },
  };
}
