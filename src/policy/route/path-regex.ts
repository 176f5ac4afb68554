/** What matching needs of a regular expression for paths. src/regex compiles them with a library. */
export interface PathRegex {
  /** Whether it matches some part of the path. */
  holds(path: string): boolean;
  /** The text of each group of the first match, by name and by number ("0": the whole match); null: there is no match. */
  groups(path: string): ReadonlyMap<string, string> | null;
  /** The path with each match replaced by the text that `made` gives for its groups. */
  replace(path: string, made: (groups: ReadonlyMap<string, string>) => string): string;
  /** Steps that a match may take for each character. */
  readonly steps: number;
}

/** Compiles a pattern. Throws an Error for one that cannot be compiled. */
export type CompileRegex = (pattern: string) => PathRegex;

/** For threads and tests whose routes have no patterns. Throws an Error for one. */
export const noRegex: CompileRegex = () => {
  throw new Error("there is no library for regular expressions here");
};

/**
 * The text that every path begins with which the pattern matches; "" when there is none, or none that is easy to see. It places a pattern in the
 * tree of paths, so that it is tried only where its beginning fits.
 */
export function literalBeginning(pattern: string): string {
  if (!pattern.startsWith("^/") || hasAlternatives(pattern)) return "";
  let end = 1;
  while (end < pattern.length && /[A-Za-z0-9/_~-]/.test(pattern[end] ?? "")) end++;
  // A quantifier is about the character before it.
  if (/[?*+{]/.test(pattern[end] ?? "")) end--;
  return pattern.slice(1, end);
}

/**
 * Whether there is a `|` outside of all groups. One that stands for itself may count too, which costs only speed. A parenthesis that stands for
 * itself must not count: a `|` after it would be taken for one within a group.
 */
function hasAlternatives(pattern: string): boolean {
  // Between \Q and \E all characters stand for themselves.
  if (pattern.includes("\\Q")) return pattern.includes("|");
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") at++;
    else if (character === "[") at = endOfClass(pattern, at);
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth <= 0) return true;
  }
  return false;
}

/** The position of the `]` that ends the class which begins at `start`. A `]` that is the first of its characters stands for itself. */
function endOfClass(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === "^") at++;
  if (pattern[at] === "]") at++;
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern.startsWith("[:", at)) at = Math.max(at, pattern.indexOf(":]", at) + 1);
  }
  return at;
}
