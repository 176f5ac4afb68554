/** Sets, adds, removes and renames fields of responses. */
import { planEdits } from "../../policy/headers/edit-plan.ts";
import type { LevelEdits } from "../../policy/headers/edit-plan.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { FieldPlan } from "../../proxy/feature/field-plan.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { responseHeadersFacts } from "./facts.ts";
import type { ResponseHeadersConfig } from "./schema.ts";

export const responseHeaders: Feature<"response_headers"> = {
  name: "response-headers",
  key: "response_headers",
  facts: responseHeadersFacts,
  compile: responseHeadersMiddleware,
};

function responseHeadersMiddleware(levels: readonly ResponseHeadersConfig[], { template }: Pick<FeatureContext, "template">): Middleware {
  const ofOrigins = new FieldPlan(planEdits(levels), template);
  const own = levels.filter(({ own_answers }) => own_answers).map(withoutType);
  const ofAnswers = own.length === 0 ? null : new FieldPlan(planEdits(own), template);
  return {
    name: "response-headers",
    onResponse: (exchange, response) => {
      if (response.head !== null) ofOrigins.apply(exchange, response.head, response);
      else ofAnswers?.apply(exchange, null, response);
    },
  };
}

/** The edits without those of Content-Type: the text of an answer was escaped for the type that it has. */
function withoutType({ remove, rename, set, add }: LevelEdits): LevelEdits {
  const isType = (name: string): boolean => name.toLowerCase() === "content-type";
  const others = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !isType(name)));
  const renamed = Object.entries(others(rename)).filter(([, name]) => !isType(name));
  return { remove: remove.filter((name) => !isType(name)), rename: Object.fromEntries(renamed), set: others(set), add: others(add) };
}
