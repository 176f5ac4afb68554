/** Changes path and host of the request that goes upstream. */
import { fieldLine } from "../../http/field-edits.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { forwardedPrefix } from "../../policy/rewrite/forwarded-prefix.ts";
import { compilePrefix, stripPrefix } from "../../policy/route/strip-prefix.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { rewriteFacts } from "./facts.ts";
import type { RewriteConfig } from "./schema.ts";

export const rewrite: Feature<"rewrite"> = {
  name: "rewrite",
  key: "rewrite",
  facts: rewriteFacts,
  compile: rewriteMiddleware,
};

function rewriteMiddleware({ strip_prefix: strip, add_prefix: add = "", host }: RewriteConfig): Middleware {
  const rewritePath = pathRewriter(strip, add);
  return {
    name: "rewrite",
    onUpstreamRequest: (exchange, changes) => {
      rewritePath?.(exchange.request, changes);
      // Each attempt may go to another endpoint. There is none where a request is only explained.
      const authority = host === "upstream" ? exchange.endpointAuthority : host === "preserve" ? "" : host;
      if (authority !== "") changes.setAuthority(authority);
    },
  };
}

/** Null: paths stay as they are. */
function pathRewriter(strip: string | undefined, add: string): ((request: RequestHead, changes: RequestChanges) => void) | null {
  if (strip === undefined && add === "") return null;
  const prefix = strip === undefined ? null : compilePrefix(strip);
  const takenLine = prefix === null ? "" : fieldLine(NAME, prefix.text);
  return (request, changes) => {
    const { path, forwardTarget } = request;
    // The `*` of OPTIONS is no path.
    if (path === "*") return;
    const rest = prefix === null ? null : stripPrefix(path, prefix);
    const query = path.length === forwardTarget.length ? "" : forwardTarget.slice(path.length);
    if (rest !== null || add !== "") changes.setTarget(`${`${add}${rest ?? path}` || "/"}${query}`);
    if (prefix === null || rest === null) return;
    if (!request.has(FIELD)) return changes.appendLines(takenLine);
    // Only a trusted proxy's field is seen here.
    changes.set(NAME, forwardedPrefix(request.values(FIELD), prefix.text));
  };
}

const NAME = "X-Forwarded-Prefix";
const FIELD = "x-forwarded-prefix";
