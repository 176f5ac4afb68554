import { messageOf } from "../base/errors.ts";
import { patternsIn } from "../config/schema/path-patterns.ts";
import type { PlacedPattern } from "../config/schema/path-patterns.ts";
import type { Config } from "../config/schema/schema.ts";
import { error } from "../values/finding.ts";
import type { Finding } from "../values/finding.ts";
import { PathRegexes } from "./path-regexes.ts";

/** Errors about regular expressions of the routes that cannot be compiled. */
export async function patternProblems({ routes }: Pick<Config, "routes">): Promise<readonly Finding[]> {
  return problemsOfPatterns(patternsIn(routes));
}

/** Errors about those of these regular expressions that cannot be compiled. */
export async function problemsOfPatterns(patterns: readonly PlacedPattern[]): Promise<readonly Finding[]> {
  if (patterns.length === 0) return [];
  const regexes = new PathRegexes();
  await regexes.load();
  return patterns.flatMap(({ pattern, path }) => {
    try {
      regexes.compile(pattern);
      return [];
    } catch (reason) {
      if (reason instanceof RangeError) return [error(path, `it is too large: ${reason.message}`)];
      return [error(path, `it is no regular expression in the syntax of RE2: ${withoutPattern(messageOf(reason))}${advice(pattern)}`)];
    }
  });
}

/** What the library says, without the part of the pattern that it quotes: that may come from the environment. The message names the line. */
function withoutPattern(message: string): string {
  return message.replace(/^error parsing regexp: /, "").replace(/: `.*$/s, "");
}

/** What to write in place of the parts of other syntaxes that take more than linear time. "": there is none of them. */
function advice(pattern: string): string {
  const text = pattern.replaceAll("\\\\", "");
  if (/\(\?<?[=!]/.test(text)) return "; it has no lookahead and no lookbehind: an exception is `not` in `match`";
  return /\\[1-9]/.test(text) ? "; it has no references back to a group" : "";
}
