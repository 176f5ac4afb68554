/** Finds the tests that a change can break: those that read a changed file, directly or through what they import or start. */
import path from "node:path";
import { importsOf, readText, textFiles, withoutComments } from "../test/support/source-files.ts";

/** Tests that read every file of the repository. They are quick, and always run. */
const ALWAYS = ["test/tidy.test.ts", "test/layers.test.ts"];

/** For each file, the files that import it, start it or name it. Paths are relative to the root. */
export type Readers = ReadonlyMap<string, readonly string[]>;

/** Finds out who reads which file. @param files paths relative to the root: code, and everything that tests read */
export function readersOf(files: readonly string[] = textFiles(), read: (file: string) => string = readText): Readers {
  const known = new Set(files);
  const readers = new Map<string, string[]>();
  for (const file of files.filter((name) => /\.(ts|mjs)$/.test(name))) {
    const code = withoutComments(read(file));
    const modules = [...importsOf(code), ...urlsOf(code)].map((name) => path.posix.join(path.posix.dirname(file), name));
    // Pages, examples and the like are read by their names.
    const others = files.filter((name) => !/\.(ts|mjs)$/.test(name) && code.includes(path.posix.basename(name)));
    for (const target of new Set([...modules, ...others])) {
      if (!known.has(target)) continue;
      const list = readers.get(target);
      if (list === undefined) readers.set(target, [file]);
      else list.push(file);
    }
  }
  return readers;
}

/** The test files that a change of the files `changed` can break, those with the shortest chain of imports first. */
export function affectedTests(changed: readonly string[], readers: Readers): string[] {
  const reached = new Set(changed);
  // A set is walked in the order of insertion, what is added meanwhile included: breadth first.
  for (const file of reached) for (const reader of readers.get(file) ?? []) reached.add(reader);
  return [...new Set([...[...reached].filter((file) => file.endsWith(".test.ts")), ...ALWAYS])];
}

/** Files that are started or read where they lie: `new URL("../worker.ts", import.meta.url)`. */
function urlsOf(code: string): string[] {
  const urls = [...code.matchAll(/new URL\(([^()]+), import\.meta\.url\)/g)].map(([, names]) => names ?? "");
  return urls.flatMap((names) => [...names.matchAll(/"([^"]+\.(?:ts|mjs))"/g)].map(([, name]) => name ?? ""));
}
