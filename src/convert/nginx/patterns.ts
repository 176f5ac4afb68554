/** Regular expressions of nginx (PCRE) as those of Millrace (RE2). */
import type { Conditions } from "../model/conditions.ts";
import { literal } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";

export type PatternConditions = { readonly conditions: Conditions; readonly problem?: undefined } | { readonly problem: string };

/**
 * The conditions on a path that the expression means. One negative lookahead, as in `/\.(?!well-known)`, becomes an exception.
 * @param isCaseless whether case does not count
 */
export function patternConditions(pattern: string, isCaseless: boolean, sources: Sources): PatternConditions {
  const flags = isCaseless ? "(?i)" : "";
  const regex = flags + literal(pattern);
  const problem = sources.patternProblem(regex);
  if (problem === null) return { conditions: { regex } };
  const [, before, ahead, after] = /^((?:(?!\(\?!).)*)\(\?!((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*)\)(.*)$/.exec(pattern) ?? [];
  if (before !== undefined && ahead !== undefined && after !== undefined) {
    const [rest, exception] = [flags + literal(before + after), flags + literal(before + ahead)];
    if (sources.patternProblem(rest) === null && sources.patternProblem(exception) === null)
      return { conditions: { regex: rest, not: [{ regex: exception }] } };
  }
  return { problem: `the regular expression cannot be written in the syntax of RE2 (${problem})` };
}

/** An expression that takes what the given one takes, and more: without looking around and back. null: there is none. */
export function widerPattern(pattern: string, isCaseless: boolean, sources: Sources): Conditions | null {
  const wider = pattern
    .replace(/\(\?<?[=!](?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)/g, "")
    .replaceAll("(?>", "(?:")
    .replace(/([*+?}])\+/g, "$1")
    .replace(/\\[1-9]/g, ".*");
  const regex = (isCaseless ? "(?i)" : "") + literal(wider);
  return sources.patternProblem(regex) === null ? { regex } : null;
}

/** An expression that matches the whole path, where the given one matches some part of it. */
export function wholePath(pattern: string): string {
  const caseless = pattern.startsWith("(?i)");
  const bare = caseless ? pattern.slice(4) : pattern;
  const grouped = hasAlternatives(bare) ? `(?:${bare})` : bare;
  const begun = grouped.startsWith("^") ? grouped : `^.*?${grouped}`;
  const ended = /(?<!\\)\$$/.test(begun) || /(?<!\\)\.\*\)?$/.test(begun) ? begun : `${begun}.*$`;
  return caseless ? `(?i)${ended}` : ended;
}

function hasAlternatives(pattern: string): boolean {
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") at++;
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}

/** The texts that an expression for host names or methods matches, such as `^(www\.)?example\.com$`; null: it is not that simple. */
export function listedTexts(pattern: string): readonly string[] | null {
  const [, body] = /^\^(.*)\$$/.exec(pattern) ?? [];
  if (body === undefined) return null;
  let texts = [""];
  for (const [whole, group, optional, plain] of body.matchAll(
    /\(\??:?([^()?*+\\[\]{}]*(?:\\.[^()?*+\\[\]{}]*)*)\)(\?)?|((?:\\[.-]|[\w-])(?![?*+{]))|./g,
  )) {
    if (group === undefined && plain === undefined) return null;
    const choices = plain !== undefined ? [plain.replace("\\", "")] : (group ?? "").split("|").map((each) => each.replaceAll("\\", ""));
    if (choices.some((each) => !/^[\w.-]*$/.test(each)) || whole.includes("(?:") !== whole.startsWith("(?:")) return null;
    texts = texts.flatMap((text) => [...choices, ...(optional === undefined ? [] : [""])].map((choice) => text + choice));
    if (texts.length > 64) return null;
  }
  return texts;
}
