/** The lists of test files, and which of them share a process. */
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../test/support/source-files.ts";

/** The fault matrix. */
const FAULTS = "test/faults/*.test.ts";
/** The tests of `npm test`: all but those that need minutes, other programs or a browser. */
const FAST = ["test/*.test.ts", "test/{recipes,migrating}/*.test.ts", FAULTS, "{src,examples,bench,fuzz,simulate,scripts}/**/*.test.ts"];
/** The tests of `npm run test:unit`: those that start no process and use few sockets. */
const UNIT = ["{src,examples,scripts}/**/*.test.ts"];
/** Tests that import the program by its name, "millrace", as its users do. */
const EXAMPLES = /^examples\//;
/** Makes that name lead to src/. */
const OWN_NAME = "test/support/own-name.ts";
/**
 * Groups of files that share a process, with the group's name: starting a process takes longer than most files. Tests of the pure folders have no
 * common state; the others open their own sockets and threads and clean up after themselves. The files of the fault matrix also share proxies, one
 * file after another. They are two groups, because a single one would be the last to end. Groups that take longest come first.
 */
const TOGETHER: readonly (readonly [name: string, files: RegExp])[] = [
  ["some-faults", /^test\/faults\/(connect|keep-alive|request-head|response|stalls)/],
  ["other-faults", /^test\/faults\/(client-leaves|edited-messages|held-bodies|names|own-answers|request-body|tls-endpoints|tunnels)\./],
  ["pure-folders", /^src\/(base|http|http1|proxy-protocol|policy|values|config|shared|proxy|features|observe|testing|tls|convert)\//],
  [
    "other-folders",
    /^src\/((acme|authority|certificates|data-plane|explain|files|middleware|modules|oidc|passwords|regex|stores|x509)\/|millrace\.)/,
  ],
  ["embed", /^src\/(embed|http-proxy-middleware)\//],
  ["net", /^src\/net\/(?!large-bodies|warm-up)/],
  ["control", /^src\/(control|cli)\/(?!workers\/(supervise|young-generation))/],
  [
    "features",
    /^test\/(answers|bounded-requests|certificates|client-certificates|connection-authentication|connection-limits|embedded|embedded-drain|embedded-fetch|embedded-http2|embedded-upgrade|forwarding|handed-over|health|http-proxy-middleware|http-proxy-middleware-upgrade|last-bytes|limits|malformed-responses|path-spellings|proxy-protocol|proxy-protocol-upstream|redirect-to-https|refused-bodies|relay|reload|reload-endpoints|who-is-speaking)\.test/,
  ],
  ["examples", EXAMPLES],
  ["tools", /^(bench|scripts)\/(?!micro|load\/fixed-rate)/],
  // Recipes, rows of tables of docs/, and generated requests, as whole proxies in memory.
  ["recipes", /^test\/(recipes\/|migrating\/|(?:buffering|explain-agrees)\.)/],
  ["pages", /^test\/(conformance-page|deploy|examples|layers|observability-page|page-blocks|tidy)\./],
];

export const fastFiles = (): string[] => filesOf(FAST);
export const faultFiles = (): string[] => filesOf([FAULTS]);
export const unitFiles = (): string[] => filesOf(UNIT);

/** The files that match, relative to the root, with forward slashes, in the order of the patterns. Slow ones should come first. */
export function filesOf(patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: ["**/node_modules"] }).sort());
  return [...new Set(found.map((file) => file.replaceAll(path.sep, "/")))];
}

/** The absolute paths to give to the test runner, which starts a process for each: one entry file per group, and the other files themselves. */
export function inProcesses(files: readonly string[]): string[] {
  const groups = TOGETHER.map(([name, those]) => ({ name, files: files.filter((file) => those.test(file)) }));
  const shared = groups.filter(({ files: those }) => those.length > 1 || those.some((file) => EXAMPLES.test(file)));
  const alone = files.filter((file) => !shared.some((group) => group.files.includes(file)));
  const entries = shared.map(({ name, files: together }) => entryOf(name, together));
  // Slow groups begin first, so that no slow one runs alone at the end.
  return [...entries, ...alone].map((file) => path.join(ROOT, file));
}

/** Writes a file that imports the group's files, into the checkout's cache folder, and returns its path relative to the root. */
function entryOf(name: string, files: readonly string[]): string {
  const entry = `node_modules/.cache/millrace-tests/${name}.mjs`;
  mkdirSync(path.join(ROOT, path.dirname(entry)), { recursive: true });
  const first = files.some((file) => EXAMPLES.test(file)) ? [OWN_NAME] : [];
  const lines = [...first, ...files].map((file) => `await import(${JSON.stringify(pathToFileURL(path.join(ROOT, file)).href)});\n`);
  writeFileSync(path.join(ROOT, entry), lines.join(""));
  return entry;
}
