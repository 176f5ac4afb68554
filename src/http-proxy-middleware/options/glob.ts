/**
 * Glob patterns for paths, as micromatch reads them: `*` and `?` stop at a slash, `**` does not, `[abc]` and `{a,b}` choose, and `!` in front
 * takes out. Wildcards do not take names that begin with a dot. The time is bounded by the product of the lengths of pattern and path.
 */

/** Patterns that braces may become. More are refused. */
const ALTERNATIVES_MAX = 1000;

/** A compiled list of patterns. */
export class Globs {
  private readonly globs: readonly Glob[];

  /** Throws a TypeError for a pattern that this reader does not know. */
  constructor(patterns: readonly string[]) {
    this.globs = patterns.map(compile);
  }

  /** Patterns act in their order, so that one takes out what those before it have let in. With nothing but exceptions all other paths match. */
  matches(path: string): boolean {
    let isIn = this.globs.length > 0 && this.globs.every(({ isException }) => isException);
    for (const { isException, alternatives } of this.globs)
      if (alternatives.some((alternative) => matchesPath(alternative, path))) isIn = !isException;
    return isIn;
  }
}

/** Whether the text is a pattern, and not the beginning of a path. */
export function isGlob(text: string): boolean {
  return text.startsWith("!") || /\*|\[[^\]]+\]|\{[^}]+\}|[@?+!]\(|\([^)|]*\|[^)]*\)/.test(text);
}

interface Glob {
  readonly isException: boolean;
  /** What the braces stand for. */
  readonly alternatives: readonly (readonly Part[])[];
}

/** Where in a path the parts so far may end: 1 at each such place, from before its first character to after its last one. */
type Places = Uint8Array;
/** A part of a pattern: the places where it may end, of those where it may begin. Looks at each character of the path once. */
type Part = (path: string, from: Places) => Places;

function compile(pattern: string): Glob {
  const isException = pattern.startsWith("!");
  const body = isException ? pattern.slice(1) : pattern;
  if (/[@?+*!]\(|[()|]/.test(body)) throw new TypeError(`pathFilter: the pattern ${JSON.stringify(pattern)} has groups: use a function`);
  return { isException, alternatives: unbraced(body, pattern).map((each) => partsOf(each, pattern)) };
}

function unbraced(text: string, pattern: string): string[] {
  const ready: string[] = [];
  const waiting = [text];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const braces = /\{([^{}]*,[^{}]*)\}/.exec(next);
    if (braces === null) ready.push(next);
    else {
      const { index } = braces;
      for (const choice of (braces[1] ?? "").split(",")) waiting.push(next.slice(0, index) + choice + next.slice(index + braces[0].length));
    }
    if (ready.length + waiting.length > ALTERNATIVES_MAX)
      throw new TypeError(`pathFilter: the pattern ${JSON.stringify(pattern)} stands for too many others`);
  }
  return ready;
}

function partsOf(text: string, pattern: string): readonly Part[] {
  const parts: Part[] = [];
  let isWild = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const isFirst = at === 0 || text.charAt(at - 1) === "/";
    const wasWild = isWild;
    isWild = char === "*";
    if (char === "*" && text.charAt(at + 1) === "*") {
      const start = at;
      while (text.charAt(at + 1) === "*") at++;
      // Before other text it crosses slashes at the beginning of the pattern only.
      const isWhole = isFirst && (start === 0 || /^(?:\/|$)/.test(text.slice(at + 1)));
      parts.push(isWhole ? anything : some(isFirst, false));
      if (isFirst && text.charAt(at + 1) === "/" && start === 0) {
        // No folder, or some folders.
        parts.push(optional([...parts.splice(-1), literal("/")]));
        at++;
      }
    } else if (char === "/" && at > 0 && /^\/\*\*(?:\/|$)/.test(text.slice(at))) {
      const isLast = text.length === at + 3;
      if (isLast && wasWild) parts.push(literal("/"), anything);
      else if (isLast) parts.push(optional([literal("/"), anything]));
      else parts.push(literal("/"), optional([anything, literal("/")]));
      at += isLast ? 2 : 3;
      isWild = isLast;
    } else if (char === "*") parts.push(some(isFirst, isFirst));
    else if (char === "?") parts.push(one((given) => given !== "/" && !(isFirst && given === ".")));
    else if (char === "[") {
      const end = text.indexOf("]", at + 2);
      if (end < 0) throw new TypeError(`pathFilter: the pattern ${JSON.stringify(pattern)} has a bracket that does not end`);
      parts.push(one(oneOf(text.slice(at + 1, end))));
      at = end;
    } else parts.push(literal(char === "\\" ? text.charAt(++at) : char));
  }
  // A wildcard at the end takes a slash after it too.
  if (isWild) parts.push(optional([literal("/")]));
  return parts;
}

function literal(wanted: string): Part {
  return one((char) => char === wanted);
}

function one(fits: (char: string) => boolean): Part {
  return (path, from) => {
    const to = new Uint8Array(from.length);
    for (let at = 0; at < path.length; at++) if (from[at] === 1 && fits(path.charAt(at))) to[at + 1] = 1;
    return to;
  };
}

/**
 * `*`.
 * @param isFirst it stands at the beginning of a name, where it takes no dot
 * @param needsMore the path may not end where it begins
 */
function some(isFirst: boolean, needsMore: boolean): Part {
  return (path, from) => {
    const to = new Uint8Array(from.length);
    for (let at = 0; at <= path.length; at++) {
      const begins = from[at] === 1 && !(needsMore && at === path.length) && !(isFirst && path.charAt(at) === ".");
      const goesOn = at > 0 && to[at - 1] === 1 && path.charAt(at - 1) !== "/";
      if (begins || goesOn) to[at] = 1;
    }
    return to;
  };
}

/** `**`: takes everything, but does not enter a name that begins with a dot. */
const anything: Part = (path, from) => {
  const to = new Uint8Array(from.length);
  for (let at = 0; at <= path.length; at++) {
    const isHidden = path.charAt(at) === "." && (at === 0 || path.charAt(at - 1) === "/");
    const begins = from[at] === 1 && path.charAt(at) !== ".";
    if (begins || (at > 0 && to[at - 1] === 1 && !isHidden)) to[at] = 1;
  }
  return to;
};

function optional(parts: readonly Part[]): Part {
  return (path, from) => {
    const to = through(parts, path, from);
    for (let at = 0; at < to.length; at++) if (from[at] === 1) to[at] = 1;
    return to;
  };
}

function through(parts: readonly Part[], path: string, from: Places): Places {
  return parts.reduce((places, part) => part(path, places), from);
}

/** @param text what stands between the brackets */
function oneOf(text: string): (char: string) => boolean {
  const isNegated = text.startsWith("^");
  const listed = isNegated ? text.slice(1) : text;
  const ranges: (readonly [from: string, to: string])[] = [];
  for (let at = 0; at < listed.length; at++) {
    const from = listed.charAt(at);
    if (listed.charAt(at + 1) === "-" && at + 2 < listed.length) ranges.push([from, listed.charAt((at += 2))]);
    else ranges.push([from, from]);
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to) !== isNegated;
}

function matchesPath(parts: readonly Part[], path: string): boolean {
  const from = new Uint8Array(path.length + 1);
  from[0] = 1;
  return through(parts, path, from)[path.length] === 1;
}
