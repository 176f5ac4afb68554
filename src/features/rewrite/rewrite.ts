/** Changes path and host of the request that goes upstream. */
import { fieldLine } from "../../http/field-edits.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { forwardedPrefix } from "../../policy/rewrite/forwarded-prefix.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { PathRewriter, changesPath } from "../../proxy/feature/path-rewriter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { rewriteFacts } from "./facts.ts";
import type { RewriteConfig } from "./schema.ts";

export const rewrite: Feature<"rewrite"> = {
  name: "rewrite",
  key: "rewrite",
  facts: rewriteFacts,
  compile: rewriteMiddleware,
};

function rewriteMiddleware(config: RewriteConfig, { compileRegex }: Pick<FeatureContext, "compileRegex">): Middleware {
  const { path_regex: regex, host } = config;
  const paths = changesPath(config) ? new PathRewriter(config, compileRegex) : null;
  const prefix = paths?.prefix?.text ?? "";
  const takenLine = prefix === "" ? "" : fieldLine("X-Forwarded-Prefix", prefix);
  const rewritePath = (rewriter: PathRewriter, request: RequestHead, changes: RequestChanges): void => {
    const { target, taken } = rewriter.rewritten(request);
    if (target !== null) changes.setTarget(target);
    if (!taken) return;
    if ((request.present & bit(Known.forwardedPath)) === 0 || !request.has("x-forwarded-prefix")) return changes.appendLines(takenLine);
    // The field is hidden unless a trusted proxy has sent it, so its value can be believed.
    changes.set("X-Forwarded-Prefix", forwardedPrefix(request.values("x-forwarded-prefix"), prefix));
  };
  return {
    name: "rewrite",
    ...(regex === undefined ? {} : { onRequest: ({ request }) => (paths?.rewritten(request).isRefused === true ? REFUSED : null) }),
    onUpstreamRequest: (exchange, changes) => {
      if (paths !== null) rewritePath(paths, exchange.request, changes);
      // Asked for each attempt, which may go to another endpoint. A hook that is called without an exchange has no endpoint.
      const authority = host === "upstream" ? exchange.endpointAuthority : host === "preserve" ? "" : host;
      if (authority !== "") changes.setAuthority(authority);
    },
  };
}

const REFUSED: LocalAnswer = {
  status: 400,
  reason: "bad_rewritten_path",
  detail: "The path is malformed.",
  fields: [],
  proxyStatus: "http_request_error",
};
