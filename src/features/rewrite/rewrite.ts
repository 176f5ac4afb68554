/** Changes path and host of the request that goes upstream. */
import { fieldLine } from "../../http/field-edits.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { forwardedPrefix } from "../../policy/rewrite/forwarded-prefix.ts";
import { fillReplacement, parseReplacement } from "../../policy/rewrite/replacement.ts";
import type { Replacement } from "../../policy/rewrite/replacement.ts";
import { normalizePath } from "../../policy/route/normalize-path.ts";
import type { CompileRegex, PathRegex } from "../../policy/route/path-regex.ts";
import { compilePrefix, stripPrefix, withoutHost } from "../../policy/route/strip-prefix.ts";
import type { PathPrefix } from "../../policy/route/strip-prefix.ts";
import { escapeUrl } from "../../policy/template/escapes.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
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
  const { strip_prefix: strip, add_prefix: add, path_regex: regex, host } = config;
  const paths = strip === undefined && add === undefined && regex === undefined ? null : new PathRewriter(config, compileRegex);
  return {
    name: "rewrite",
    ...(regex === undefined ? {} : { onRequest: ({ request }) => (paths?.refuses(request) === true ? REFUSED : null) }),
    onUpstreamRequest: (exchange, changes) => {
      if (paths !== null) paths.rewrite(exchange.request, changes);
      // Each attempt may go to another endpoint. There is none where a hook is called without an exchange.
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

class PathRewriter {
  private readonly prefix: PathPrefix | null;
  private readonly added: string;
  private readonly takenLine: string;
  private readonly pattern: PathRegex | null;
  private readonly replacement: Replacement;

  constructor({ strip_prefix: strip, add_prefix: added = "", path_regex: regex }: RewriteConfig, compileRegex: CompileRegex) {
    this.prefix = strip === undefined ? null : compilePrefix(strip);
    this.added = added;
    this.pattern = regex === undefined ? null : compileRegex(regex.from);
    this.replacement = parseReplacement(regex?.to ?? "");
    this.takenLine = this.prefix === null ? "" : fieldLine("X-Forwarded-Prefix", this.prefix.text);
  }

  rewrite(request: RequestHead, changes: RequestChanges): void {
    const { target, taken } = this.rewritten(request);
    if (target !== null) changes.setTarget(target);
    if (taken) this.tellTaken(request, changes);
  }

  /** Whether the request would lead where no path that a client sends may lead. */
  refuses(request: RequestHead): boolean {
    return this.rewritten(request).isRefused;
  }

  private rewritten(request: RequestHead): Rewritten {
    const { path, forwardTarget } = request;
    // Clients ask for the same target again and again, so what became of it is kept with the head.
    const before = request.derivedFromTarget;
    if (before instanceof Rewritten && before.by === this && before.from === forwardTarget) return before;
    // The `*` of OPTIONS is no path.
    const rest = this.prefix === null || path === "*" ? null : stripPrefix(path, this.prefix);
    const rewritten = path === "*" ? path : this.replaced(`${this.added}${rest ?? path}` || "/");
    const target = rewritten === path || rewritten === null ? null : rewritten + forwardTarget.slice(path.length);
    const found = new Rewritten(this, forwardTarget, target, rest !== null, rewritten === null);
    request.derivedFromTarget = found;
    return found;
  }

  /**
   * The path with what the pattern matches in its canonical form replaced. A path that the pattern does not match keeps its spelling. Null: it is to
   * be refused. For `^/images(.*)` and `/data/$1` the path `/images../secret` would lead out of `/data`, past the routes for what is there.
   */
  private replaced(path: string): string | null {
    if (this.pattern === null) return path;
    const canonical = normalizePath(path);
    if (canonical === null) return null;
    if (!this.pattern.holds(canonical)) return path;
    const text = this.replacedIn(canonical, this.pattern);
    if (text === null) return null;
    // The canonical form holds characters in decoded form that no target may hold, such as the space.
    const made = withoutHost(escapeUrl(text.startsWith("/") ? text : `/${text}`));
    return DOT_SEGMENT.test(made) || normalizePath(made) === null ? null : made;
  }

  private replacedIn(canonical: string, pattern: PathRegex): string | null {
    try {
      return pattern.replace(canonical, (groups) => fillReplacement(this.replacement, groups));
    } catch (reason) {
      if (reason instanceof RangeError) return null;
      throw reason;
    }
  }

  private tellTaken(request: RequestHead, changes: RequestChanges): void {
    if ((request.present & bit(Known.forwardedPath)) === 0 || !request.has("x-forwarded-prefix"))
      return changes.appendLines(this.takenLine);
    // Only a trusted proxy's field is seen here.
    changes.set("X-Forwarded-Prefix", forwardedPrefix(request.values("x-forwarded-prefix"), this.prefix?.text ?? ""));
  }
}

const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

/** A target, and what became of it. */
class Rewritten {
  readonly by: PathRewriter;
  readonly from: string;
  /** Null: it stays as it is. */
  readonly target: string | null;
  readonly taken: boolean;
  readonly isRefused: boolean;

  constructor(by: PathRewriter, from: string, target: string | null, taken: boolean, isRefused: boolean) {
    this.by = by;
    this.from = from;
    this.target = target;
    this.taken = taken;
    this.isRefused = isRefused;
  }
}
