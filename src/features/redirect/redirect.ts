/** Sends clients to another URL. */
import { escapeUrl } from "../../policy/template/escapes.ts";
import { fillIn } from "../../policy/template/template.ts";
import type { Template } from "../../policy/template/template.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import { redirectFacts } from "./facts.ts";
import type { RedirectConfig } from "./schema.ts";

export const redirect: Feature<"redirect"> = {
  name: "redirect",
  key: "redirect",
  facts: redirectFacts,
  isLast: true,
  compile: redirectMiddleware,
};

export function redirectMiddleware({ to, status }: RedirectConfig, { template }: Pick<FeatureContext, "template">): Middleware {
  const parts = template(to);
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

/** Whether the configuration itself names the host: the target begins with a scheme, or with `//`. */
function namesHost([first]: Template): boolean {
  return typeof first === "string" && /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/\/)/.test(first);
}

/** A target that a variable has made begin with `//` or `/\`, which browsers take for a host. It begins with one slash instead. */
function withoutHost(target: string): string {
  return target.replace(/^[/\\]{2,}/, "/");
}
