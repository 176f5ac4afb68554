/**
 * Regular expressions for paths, in the syntax of RE2. Their matching takes time linear in the length of the path, whatever the pattern
 * (docs/decisions/0023-regular-expressions.md). The library is loaded when a configuration first needs it, because most need none.
 */
import type { RE2JS } from "re2js";
import type { PathRegex } from "../policy/route/path-regex.ts";

/**
 * Instructions of the largest pattern; `[0-9a-f]{8}` has eight. A match may take that many steps for each character: with the longest path that is a third
 * of a second for the largest pattern, and some milliseconds for those that people write.
 */
const INSTRUCTIONS_MAX = 1000;

/**
 * Replacements in one path. Each search may look at the whole rest of the path, so without a limit the time would grow with the square of its
 * length, to seconds.
 */
const REPLACEMENTS_MAX = 256;

export class PathRegexes {
  private library: typeof RE2JS | null = null;

  /** Loads the library. Call it before `compile`. */
  async load(): Promise<void> {
    this.library ??= (await import("re2js")).RE2JS;
  }

  /** Throws an Error whose message says what is wrong with the pattern, a RangeError if that is its size. */
  compile(pattern: string): PathRegex {
    const { library } = this;
    if (library === null) throw new Error("the library for regular expressions is not loaded");
    const compiled = library.compile(pattern);
    const size = compiled.programSize();
    if (size > INSTRUCTIONS_MAX) throw new RangeError(`it has ${size} steps, and ${INSTRUCTIONS_MAX} are allowed: repeat less in it`);
    const names = Object.keys(compiled.namedGroups());
    return {
      steps: size,
      holds: (path) => compiled.matcher(path).find(),
      groups: (path) => {
        const matcher = compiled.matcher(path);
        return matcher.find() ? groupsOf(matcher, names) : null;
      },
      replace: (path, made) => {
        const matcher = compiled.matcher(path);
        let [text, at] = ["", 0];
        for (let count = 0; matcher.find(); count++) {
          if (count === REPLACEMENTS_MAX) throw new RangeError(`a pattern matches more than ${REPLACEMENTS_MAX} parts of the path`);
          text += path.slice(at, matcher.start()) + made(groupsOf(matcher, names));
          at = matcher.end();
        }
        return text + path.slice(at);
      },
    };
  }
}

/** The groups of the match that the matcher has found, by number and by name. A group that took no part is "". */
function groupsOf(matcher: Matcher, names: readonly string[]): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (let index = 0; index <= matcher.groupCount(); index++) groups.set(String(index), matcher.group(index) ?? "");
  for (const name of names) groups.set(name, matcher.group(name) ?? "");
  return groups;
}

type Matcher = ReturnType<RE2JS["matcher"]>;
