import { isPlainObject } from "./plain-object.ts";
import type { PathRewrite } from "./options.ts";

/** Makes another path and query of those of a request. What is no text leaves them as they are. */
export type Rewriter = Extract<PathRewrite, (...given: never) => unknown>;

/** Null: nothing is rewritten. Throws a TypeError or a SyntaxError for rules that cannot be used. */
export function pathRewriter(rewrite: PathRewrite | undefined | null): Rewriter | null {
  if (rewrite === undefined || rewrite === null) return null;
  if (typeof rewrite === "function") return rewrite;
  if (!isPlainObject(rewrite)) throw new TypeError("pathRewrite: expected an object of regular expressions and texts, or a function");
  const rules = Object.entries(rewrite).map(([pattern, to]) => ({ pattern: new RegExp(pattern), to }));
  if (rules.length === 0) return null;
  return (path) => {
    // The first rule that fits, and no other.
    const rule = rules.find(({ pattern }) => pattern.test(path));
    return rule === undefined ? path : path.replace(rule.pattern, rule.to);
  };
}
