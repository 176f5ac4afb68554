/** Which test files there are, and which of them run in one process. */
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../test/support/source-files.ts";

/** Everything but what needs minutes, other programs or a browser. */
const FAST = ["test/*.test.ts", "test/faults/*.test.ts", "{src,bench,fuzz,scripts}/**/*.test.ts"];
/** What needs no process of its own, and few sockets. */
const UNIT = ["{src,scripts}/**/*.test.ts"];
/** Their tests share nothing but the language, so one process runs them all: starting one costs more than most of them. */
const PURE = /^src\/(base|http|http1|policy|config|shared|proxy|middleware|observe)\//;

export const fastFiles = (): string[] => filesOf(FAST);
export const unitFiles = (): string[] => filesOf(UNIT);

/** Paths relative to the root, with forward slashes, in the order of the patterns: what starts processes takes longest and comes first. */
export function filesOf(patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: ["**/node_modules"] }).sort());
  return [...new Set(found.map((file) => file.replaceAll(path.sep, "/")))];
}

/** What the runner is given: a process each, those of the pure folders in one. */
export function inProcesses(files: readonly string[]): string[] {
  const pure = files.filter((file) => PURE.test(file));
  const others = files.filter((file) => !PURE.test(file));
  return (pure.length < 2 ? files : [...others, entryOf(pure)]).map((file) => path.join(ROOT, file));
}

/** A file that imports those, in Node's cache folder of the checkout. */
function entryOf(files: readonly string[]): string {
  const entry = "node_modules/.cache/millrace-tests/pure-folders.mjs";
  mkdirSync(path.join(ROOT, path.dirname(entry)), { recursive: true });
  const lines = files.map((file) => `await import(${JSON.stringify(pathToFileURL(path.join(ROOT, file)).href)});\n`);
  writeFileSync(path.join(ROOT, entry), lines.join(""));
  return entry;
}
