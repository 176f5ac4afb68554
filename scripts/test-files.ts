/** Which test files there are, and which of them run in one process. */
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../test/support/source-files.ts";

/** Everything but what needs minutes, other programs or a browser. */
const FAST = ["test/*.test.ts", "test/faults/*.test.ts", "{src,bench,fuzz,simulate,scripts}/**/*.test.ts"];
/** What needs no process of its own, and few sockets. */
const UNIT = ["{src,scripts}/**/*.test.ts"];
/**
 * Files that share a process, by the name of its entry: starting one costs more than most of them. The tests of the pure folders share nothing
 * but the language; those of the others open sockets of their own, start threads and clean up behind themselves. Files of the fault matrix
 * share proxies too, one file after the other: in two processes, for in one they would be the last to end. Those that take longest stand first.
 */
const TOGETHER: readonly (readonly [name: string, files: RegExp])[] = [
  ["some-faults", /^test\/faults\/(connect|keep-alive|request-head|response|stalls)/],
  ["other-faults", /^test\/faults\/(client-leaves|names|request-body|tunnels)\./],
  ["pure-folders", /^src\/(base|http|http1|policy|values|config|shared|proxy|features|observe|testing)\//],
  ["net", /^src\/net\/(?!large-bodies|warm-up)/],
  ["control", /^src\/(control|cli)\/(?!supervise|young-generation)/],
  [
    "features",
    /^test\/(answers|connection-authentication|connection-limits|forwarding|health|limits|malformed-responses|path-spellings|refused-bodies|relay|reload|reload-endpoints|who-is-speaking)\.test/,
  ],
  ["tools", /^(bench|scripts)\/(?!micro|load)/],
  ["pages", /^test\/(conformance-page|layers|observability-page|tidy)\./],
];

export const fastFiles = (): string[] => filesOf(FAST);
export const unitFiles = (): string[] => filesOf(UNIT);

/** Paths relative to the root, with forward slashes, in the order of the patterns: what starts processes takes longest and comes first. */
export function filesOf(patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: ["**/node_modules"] }).sort());
  return [...new Set(found.map((file) => file.replaceAll(path.sep, "/")))];
}

/** What the runner is given: a process each, but one for those that share it. */
export function inProcesses(files: readonly string[]): string[] {
  const groups = TOGETHER.map(([name, those]) => ({ name, files: files.filter((file) => those.test(file)) }));
  const shared = groups.filter((group) => group.files.length > 1);
  const alone = files.filter((file) => !shared.some((group) => group.files.includes(file)));
  const entries = shared.map(({ name, files: together }) => entryOf(name, together));
  // Those that take longest begin first, so that none is left alone at the end.
  return [...entries, ...alone].map((file) => path.join(ROOT, file));
}

/** A file that imports those, in Node's cache folder of the checkout. */
function entryOf(name: string, files: readonly string[]): string {
  const entry = `node_modules/.cache/millrace-tests/${name}.mjs`;
  mkdirSync(path.join(ROOT, path.dirname(entry)), { recursive: true });
  const lines = files.map((file) => `await import(${JSON.stringify(pathToFileURL(path.join(ROOT, file)).href)});\n`);
  writeFileSync(path.join(ROOT, entry), lines.join(""));
  return entry;
}
