/** Changes path and host of the request that goes upstream. */
import { fieldLine } from "../../http/field-edits.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { forwardedPrefix } from "../../policy/rewrite/forwarded-prefix.ts";
import { compilePrefix, stripPrefix } from "../../policy/route/strip-prefix.ts";
import type { PathPrefix } from "../../policy/route/strip-prefix.ts";
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
  const paths = strip === undefined && add === "" ? null : new PathRewriter(strip, add);
  return {
    name: "rewrite",
    onUpstreamRequest: (exchange, changes) => {
      if (paths !== null) paths.rewrite(exchange.request, changes);
      // Each attempt may go to another endpoint. There is none where a hook is called without an exchange.
      const authority = host === "upstream" ? exchange.endpointAuthority : host === "preserve" ? "" : host;
      if (authority !== "") changes.setAuthority(authority);
    },
  };
}

class PathRewriter {
  private readonly prefix: PathPrefix | null;
  private readonly added: string;
  private readonly takenLine: string;

  constructor(strip: string | undefined, added: string) {
    this.prefix = strip === undefined ? null : compilePrefix(strip);
    this.added = added;
    this.takenLine = this.prefix === null ? "" : fieldLine("X-Forwarded-Prefix", this.prefix.text);
  }

  rewrite(request: RequestHead, changes: RequestChanges): void {
    // Clients ask for the same target again and again, so what became of it is kept with the head.
    const before = request.derivedFromTarget;
    const isKept = before instanceof Rewritten && before.by === this && before.from === request.forwardTarget;
    const { target, taken } = isKept ? before : this.rewritten(request);
    if (target !== null) changes.setTarget(target);
    if (taken) this.tellTaken(request, changes);
  }

  private rewritten(request: RequestHead): Rewritten {
    const { path, forwardTarget } = request;
    // The `*` of OPTIONS is no path.
    const rest = this.prefix === null || path === "*" ? null : stripPrefix(path, this.prefix);
    const isSame = path === "*" || (rest === null && this.added === "");
    const target = isSame ? null : (`${this.added}${rest ?? path}` || "/") + forwardTarget.slice(path.length);
    const found = new Rewritten(this, forwardTarget, target, rest !== null);
    request.derivedFromTarget = found;
    return found;
  }

  private tellTaken(request: RequestHead, changes: RequestChanges): void {
    if ((request.present & bit(Known.forwardedPath)) === 0 || !request.has("x-forwarded-prefix"))
      return changes.appendLines(this.takenLine);
    // Only a trusted proxy's field is seen here.
    changes.set("X-Forwarded-Prefix", forwardedPrefix(request.values("x-forwarded-prefix"), this.prefix?.text ?? ""));
  }
}

/** A target, and what became of it. */
class Rewritten {
  readonly by: PathRewriter;
  readonly from: string;
  /** Null: it stays as it is. */
  readonly target: string | null;
  readonly taken: boolean;

  constructor(by: PathRewriter, from: string, target: string | null, taken: boolean) {
    this.by = by;
    this.from = from;
    this.target = target;
    this.taken = taken;
  }
}
