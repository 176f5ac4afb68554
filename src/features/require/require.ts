/** Refuses clients that are known, and lack what the route asks for. */
import { lackOf } from "../../policy/authentication/requirement.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { requireFacts } from "./facts.ts";
import type { RequireConfig } from "./schema.ts";

export const require: Feature<"require"> = {
  name: "require",
  key: "require",
  facts: requireFacts,
  compile: requireMiddleware,
};

function requireMiddleware(config: RequireConfig): Middleware {
  const answers = answersFor(config);
  /** The identity of a client is one object for many requests. */
  const known: WeakMap<Identity, LocalAnswer | "met"> = new WeakMap();
  return {
    name: "require",
    onRequest({ identity }) {
      if (identity === null) return answers.role;
      const before = known.get(identity);
      if (before !== undefined) return before === "met" ? null : before;
      const lack = lackOf(identity, config);
      const answer = lack === null ? null : answers[lack];
      known.set(identity, answer ?? "met");
      return answer;
    },
  };
}

function answersFor({ scopes = [] }: RequireConfig): Record<"role" | "scope" | "claim", LocalAnswer> {
  const denied = (reason: string, detail: string, fields: LocalAnswer["fields"] = []): LocalAnswer => ({
    status: 403,
    reason,
    detail,
    fields,
    proxyStatus: "http_request_denied",
  });
  // RFC 6750 section 3.1.
  const challenge = `Bearer realm="millrace", error="insufficient_scope", scope="${scopes.join(" ")}"`;
  return {
    role: denied("role_required", "This needs a role that you do not have."),
    scope: denied("scope_required", "This needs a scope that your token does not have.", [["WWW-Authenticate", challenge]]),
    claim: denied("claim_required", "This needs a claim that your token does not have."),
  };
}
