/** Rewrites the paths of requests as a route's `rewrite` says, for whatever answers them: an endpoint, or files. */
import type { RouteConfig } from "../../config/schema/route-schema.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { fillReplacement, parseReplacement } from "../../policy/rewrite/replacement.ts";
import type { Replacement } from "../../policy/rewrite/replacement.ts";
import { normalizePath } from "../../policy/route/normalize-path.ts";
import type { CompileRegex, PathRegex } from "../../policy/route/path-regex.ts";
import { compilePrefix, stripPrefix, withoutHost } from "../../policy/route/strip-prefix.ts";
import type { PathPrefix } from "../../policy/route/strip-prefix.ts";
import { escapeUrl } from "../../policy/template/escapes.ts";

/** The keys of `rewrite` that change the path. */
export type PathRewriting = Pick<NonNullable<RouteConfig["rewrite"]>, "strip_prefix" | "add_prefix" | "path_regex">;

/** Whether there is anything to change in a path. */
export function changesPath({ strip_prefix, add_prefix, path_regex }: PathRewriting): boolean {
  return strip_prefix !== undefined || add_prefix !== undefined || path_regex !== undefined;
}

export class PathRewriter {
  /** The prefix that is taken off paths; null: none. */
  readonly prefix: PathPrefix | null;
  private readonly added: string;
  private readonly pattern: PathRegex | null;
  private readonly replacement: Replacement;

  constructor({ strip_prefix: strip, add_prefix: added = "", path_regex: regex }: PathRewriting, compileRegex: CompileRegex) {
    this.prefix = strip === undefined ? null : compilePrefix(strip);
    this.added = added;
    this.pattern = regex === undefined ? null : compileRegex(regex.from);
    this.replacement = parseReplacement(regex?.to ?? "");
  }

  /** What becomes of the request's target. */
  rewritten(request: RequestHead): Rewritten {
    const { path, forwardTarget } = request;
    // Clients ask for the same target again and again, so what became of it is kept with the head.
    const before = request.derivedFromTarget;
    if (before instanceof Rewritten && before.by === this && before.from === forwardTarget) return before;
    // The `*` of OPTIONS is no path.
    const rest = path === "*" ? null : this.rest(path);
    const rewritten = path === "*" ? path : this.replaced(`${this.added}${rest ?? path}` || "/");
    const target = rewritten === path || rewritten === null ? null : rewritten + forwardTarget.slice(path.length);
    const found = new Rewritten(this, forwardTarget, target, rest !== null, rewritten === null);
    request.derivedFromTarget = found;
    return found;
  }

  /** What becomes of a path alone. Null: the request is to be refused. */
  pathFor(path: string): string | null {
    return this.replaced(`${this.added}${this.rest(path) ?? path}` || "/");
  }

  /** The path without the prefix. Null: nothing was taken off. */
  private rest(path: string): string | null {
    return this.prefix === null ? null : stripPrefix(path, this.prefix);
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
}

const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

/** A target, and what became of it. */
export class Rewritten {
  readonly by: PathRewriter;
  readonly from: string;
  /** Null: it stays as it is. */
  readonly target: string | null;
  /** Whether the prefix was taken off. */
  readonly taken: boolean;
  /** Whether the request would lead where no path that a client sends may lead. */
  readonly isRefused: boolean;

  constructor(by: PathRewriter, from: string, target: string | null, taken: boolean, isRefused: boolean) {
    this.by = by;
    this.from = from;
    this.target = target;
    this.taken = taken;
    this.isRefused = isRefused;
  }
}
