/**
 * Runs tests. `npm test` runs all fast files, `npm run test:unit` those that start no process, `npm test -- FILE...` the named ones. With
 * `--failures` only failures are printed. New test files are found by their names.
 */
import { parseArgs } from "node:util";
import { runTests } from "./run-tests.ts";
import { fastFiles, filesOf, unitFiles } from "./test-files.ts";

const { values, positionals: given } = parseArgs({ allowPositionals: true, options: { failures: { type: "boolean", default: false } } });
const files = given.length === 0 ? fastFiles() : given[0] === "unit" ? unitFiles() : filesOf(given);
if (files.length === 0) {
  console.error(`no test file matches ${given.join(" ")}`);
  process.exitCode = 1;
} else {
  process.exitCode = (await runTests(files, values.failures)) ? 0 : 1;
}
