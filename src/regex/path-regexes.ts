/**
 * Regular expressions for paths, in the syntax of RE2. Their matching takes time linear in the length of the path, whatever the pattern
 * (docs/decisions/0023-regular-expressions.md). The library is loaded when a configuration first needs it, because most need none.
 */
import type { RE2JS } from "re2js";
import type { PathRegex } from "../policy/route/path-regex.ts";

export class PathRegexes {
  private library: typeof RE2JS | null = null;

  /** Loads the library. Call it before `compile`. */
  async load(): Promise<void> {
    this.library ??= (await import("re2js")).RE2JS;
  }

  /** Throws an Error whose message says what is wrong with the pattern. */
  compile(pattern: string): PathRegex {
    const { library } = this;
    if (library === null) throw new Error("the library for regular expressions is not loaded");
    const compiled = library.compile(pattern);
    const names = Object.keys(compiled.namedGroups());
    return {
      holds: (path) => compiled.matcher(path).find(),
      groups: (path) => {
        const matcher = compiled.matcher(path);
        return matcher.find() ? groupsOf(matcher, names) : null;
      },
      replace: (path, made) => {
        const matcher = compiled.matcher(path);
        let [text, at] = ["", 0];
        while (matcher.find()) {
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
