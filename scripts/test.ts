/**
 * Runs tests. `npm test` runs all fast files, `npm run test:unit` those that start no process, `npm test -- FILE...` the named ones. `slow`,
 * for `npm run test:conformance`, is the part of the fault matrix that `npm test` leaves out. With `--failures` only failures are printed. New
 * test files are found by their names.
 */
import { parseArgs } from "node:util";
import { runTests } from "./run-tests.ts";
import { faultFiles, fastFiles, filesOf, unitFiles } from "./test-files.ts";

const { values, positionals: given } = parseArgs({ allowPositionals: true, options: { failures: { type: "boolean", default: false } } });
const [first] = given;
const files = first === undefined ? fastFiles() : first === "unit" ? unitFiles() : first === "slow" ? faultFiles() : filesOf(given);
const selection = first === undefined ? "fast" : first === "slow" ? "slow" : "all";
if (files.length === 0) {
  console.error(`no test file matches ${given.join(" ")}`);
  process.exitCode = 1;
} else {
  process.exitCode = (await runTests(files, selection, values.failures)) ? 0 : 1;
}
