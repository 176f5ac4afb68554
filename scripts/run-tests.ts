/** Runs test files, several at a time, and prints what came of them. */
import { availableParallelism } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { ROOT } from "../test/support/source-files.ts";
import { inProcesses } from "./test-files.ts";

/** Most tests of sockets wait for a limit of the proxy's, so a processor has time for more than one file. */
const FILES_PER_PROCESSOR = 2;

/** Of one test, or of a group of them: what never ends is told as a failure. */
const TEST_MS_MAX = 180_000;

/** Events without which only failures and counts are printed. */
const QUIET = new Set(["test:pass", "test:start", "test:stdout", "test:stderr"]);

/**
 * @param failuresOnly prints what failed and the counts, no line for each test that passed
 * @returns whether all of them passed
 */
export async function runTests(files: readonly string[], failuresOnly: boolean): Promise<boolean> {
  // Read by the proxies that tests start: see docs/decisions/0011-starting-warm.md.
  process.env["MILLRACE_WARM_UP"] ??= "off";
  // Stripping the types of a test and of all that it imports takes longer than most tests.
  process.env["NODE_COMPILE_CACHE"] ??= path.join(ROOT, "node_modules/.cache/millrace");
  let passed = true;
  const results = run({
    files: inProcesses(files),
    concurrency: availableParallelism() * FILES_PER_PROCESSOR,
    cwd: ROOT,
    timeout: TEST_MS_MAX,
    // Node's own --test-force-exit does not wait until all results are written, and loses some on a busy machine.
    execArgv: ["--import", pathToFileURL(path.join(ROOT, "test/support/end-soon.ts")).href],
  });
  results.on("test:fail", () => (passed = false));
  const told = failuresOnly ? results.filter(({ type }: { readonly type: string }) => !QUIET.has(type)) : results;
  told.compose(spec).pipe(process.stdout, { end: false });
  await new Promise((resolve) => results.once("end", resolve));
  return passed;
}
