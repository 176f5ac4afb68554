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
    return {
      holds: (path) => compiled.matcher(path).find(),
      groups: (path) => {
        const matcher = compiled.matcher(path);
        if (!matcher.find()) return null;
        const groups = new Map<string, string>();
        for (let index = 0; index <= matcher.groupCount(); index++) groups.set(String(index), matcher.group(index) ?? "");
        for (const name of Object.keys(compiled.namedGroups())) groups.set(name, matcher.group(name) ?? "");
        return groups;
      },
    };
  }
}
