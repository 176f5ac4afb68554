/** Runs test files, several at a time, and prints their results. */
import { availableParallelism } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { ROOT } from "../test/support/source-files.ts";
import { inProcesses } from "./test-files.ts";

/** How many files run at once per processor. More than one, because most tests with sockets wait for a time limit of the proxy. */
const FILES_PER_PROCESSOR = 2;

/** Time limit for one test or group of tests, so that a test that never ends is reported as a failure. */
const TEST_MS_MAX = 180_000;

/** Names of tests that `npm run test:conformance` runs, and `npm test` does not: what they test changes seldom, and they take seconds. */
const SLOW = /through a program|through the streams of Node|over TLS/;

/** Which tests of the files run. */
export type Selection = "all" | "slow" | "fast";

/** Events that are left out if only failures and counts are to be printed. */
const QUIET = new Set(["test:pass", "test:start", "test:stdout", "test:stderr"]);

/**
 * Runs the files and prints the results.
 * @param selection `slow`: the tests of the fault matrix whose clients come through a program that embeds the proxy or over TLS, or whose
 * sockets are streams of Node's; `fast`: all others
 * @param failuresOnly whether to print only failures and counts
 * @returns whether all tests passed
 */
export async function runTests(files: readonly string[], selection: Selection, failuresOnly: boolean): Promise<boolean> {
  // The proxies that tests start need no warm-up: docs/decisions/0011-starting-warm.md.
  process.env["MILLRACE_WARM_UP"] ??= "off";
  // Stripping the types of a test and of its imports takes longer than most tests, so the result is cached.
  process.env["NODE_COMPILE_CACHE"] ??= path.join(ROOT, "node_modules/.cache/millrace");
  let passed = true;
  const results = run({
    files: inProcesses(files),
    concurrency: availableParallelism() * FILES_PER_PROCESSOR,
    cwd: ROOT,
    timeout: TEST_MS_MAX,
    ...(selection === "slow" && { testNamePatterns: SLOW }),
    ...(selection === "fast" && { testSkipPatterns: SLOW }),
    // Node's own --test-force-exit does not wait until all results are written, and loses some of them on a busy machine.
    execArgv: ["--import", pathToFileURL(path.join(ROOT, "test/support/end-soon.ts")).href],
  });
  results.on("test:fail", () => (passed = false));
  const told = failuresOnly ? results.filter(({ type }: { readonly type: string }) => !QUIET.has(type)) : results;
  told.compose(spec).pipe(process.stdout, { end: false });
  await new Promise((resolve) => results.once("end", resolve));
  return passed;
}
