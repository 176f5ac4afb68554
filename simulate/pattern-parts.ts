/** What routes with regular expressions are put together from (patterns.ts). Each expression is there twice: as a configuration has it, and as RegExp reads it. */
import type { Draw } from "./draw.ts";

export interface Pattern {
  /** In the syntax of configurations. */
  readonly text: string;
  /** The same for RegExp. */
  readonly own: string;
  readonly flags: string;
  /** Its groups, by name and number. */
  readonly groups: readonly string[];
}

/** One entry of a route's `match`. What is null says nothing. */
export interface Condition {
  readonly host: string | null;
  readonly beginning: string | null;
  readonly pattern: Pattern | null;
  readonly methods: readonly string[] | null;
  readonly except: Pattern | null;
  /** The same as a configuration says it. */
  readonly config: object;
}

export interface PatternRewrite {
  readonly from: string;
  readonly to: string;
  readonly ownFrom: string;
  readonly ownTo: string;
  readonly flags: string;
}

/** Parts of patterns that stand for a segment, or for some of it. */
const PIECES = [
  "a",
  "ab",
  "a+",
  "[ab]+",
  "[^/]+",
  "\\w+",
  "(?:a|ab)b?",
  "a?b*",
  ".+?",
  "a{2}",
  "[a-z. ]*",
  "a[.]b",
  "\\S*",
  "[[:alpha:]]+",
] as const;
/** How patterns that begin with the path end. */
const ENDS = ["/(?<id>[0-9]+)$", "/[0-9]+$", "", "/", "(?:/.*)?$", "[^0-9]*([0-9]+)", "(?:/(a+b?))?/"] as const;

export function drawCondition(draw: Draw, tops: readonly [string, ...string[]], isLate: boolean): Condition {
  const pattern = !isLate && draw.oneIn(6) ? null : drawPattern(draw, tops, isLate);
  const beginning = pattern === null || draw.oneIn(5) ? `/${draw.pick(...tops)}${draw.oneIn(3) ? "/ab" : ""}` : null;
  const host = draw.oneIn(6) ? draw.pick("sim.test", "other.test") : null;
  const methods = draw.oneIn(6) ? draw.pick(["GET"], ["POST", "PUT"], ["GET", "DELETE"]) : null;
  const except = draw.oneIn(4) ? drawPattern(draw, tops, draw.oneIn(2)) : null;
  const config = {
    ...(host === null ? {} : { host }),
    ...(beginning === null ? {} : { path: `${beginning}/*` }),
    ...(pattern === null ? {} : { path_regex: pattern.text }),
    ...(methods === null ? {} : { methods }),
    ...(except === null ? {} : { not: { path_regex: except.text } }),
  };
  return { host, beginning, pattern, methods, except, config };
}

/** @param isLoose whether it may begin anywhere in a path. It ends with a number then, as the paths of requests do. */
export function drawPattern(draw: Draw, tops: readonly [string, ...string[]], isLoose: boolean): Pattern {
  const names = ["w", "v"];
  const pieces = Array.from({ length: draw.between(isLoose ? 1 : 0, 2) }, () => drawPiece(draw, names));
  if (isLoose) return patternOf(`/${pieces.join("/")}/${draw.pick("(?<id>[0-9]+)$", "[0-9]+$", "([0-9])[0-9]*$")}`, "");
  const top = draw.pick(...tops);
  const segments = [draw.oneIn(5) ? `${top}?` : top, ...pieces].join("/");
  const start = draw.oneIn(8) ? `^/(?:${segments}|${draw.pick(...tops)})` : `^/${segments}`;
  const whole = `${start}${draw.pick(...ENDS)}`;
  if (draw.oneIn(8)) return patternOf(`${whole}|^/${draw.pick(...tops)}/ab`, "");
  return draw.oneIn(8)
    ? patternOf(
        whole.replace(/^\^\/[a-z]+/, (beginning) => beginning.toUpperCase()),
        "i",
      )
    : patternOf(whole, "");
}

function drawPiece(draw: Draw, names: string[]): string {
  const piece = draw.pick(...PIECES);
  const name = names[0] ?? "";
  switch (draw.pick("plain", "numbered", "named", "named in Python's way")) {
    case "plain":
      return piece;
    case "numbered":
      return `(${piece})`;
    case "named":
      names.shift();
      return name === "" ? piece : `(?<${name}>${piece})`;
    default:
      names.shift();
      return name === "" ? piece : `(?P<${name}>${piece})`;
  }
}

function patternOf(text: string, flags: "" | "i"): Pattern {
  const own = text.replaceAll("(?P<", "(?<").replaceAll("[[:alpha:]]", "[A-Za-z]");
  const names = [...own.matchAll(/\(\?<([a-z]+)>/g)].map(([, name = ""]) => name);
  const count = [...own.matchAll(/\((?!\?:)/g)].length;
  const numbers = Array.from({ length: count }, (_, index) => String(index + 1));
  return { text: flags === "i" ? `(?i)${text}` : text, own, flags, groups: ["0", ...numbers, ...names] };
}

/** Expressions of `rewrite`. The last ones make dot segments, two slashes, and characters that no URL may hold. */
export const REWRITES: readonly [PatternRewrite, ...PatternRewrite[]] = [
  rewriteOf("^/[a-z]+/(.*)$", "/r/$1"),
  rewriteOf("^/(?<top>[^/]+)/(?<rest>.*)", "/$<rest>/$<top>"),
  rewriteOf("[ab]+", "<$0>"),
  rewriteOf("(a)|(b)", "[$1$2]"),
  rewriteOf("b", "$$b"),
  rewriteOf("^/.*/([0-9]+)$", "$1"),
  rewriteOf("^", "/x"),
  rewriteOf("$", "/end"),
  rewriteOf(" ", "+"),
  rewriteOf("%[0-9A-F]{2}", ""),
  rewriteOf("ab", "c", "i"),
  rewriteOf("^/u", "/"),
  rewriteOf("/a+(?P<more>b*)", "/.$<more>"),
  rewriteOf("/aa*", "/.."),
  rewriteOf("[ab]", "."),
];

function rewriteOf(from: string, to: string, flags: "" | "i" = ""): PatternRewrite {
  return {
    from: flags === "i" ? `(?i)${from}` : from,
    to,
    ownFrom: from.replaceAll("(?P<", "(?<"),
    // A function, because "$&" would stand for the match here too.
    ownTo: to.replaceAll("$0", () => "$&"),
    flags,
  };
}
