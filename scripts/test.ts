/**
 * `npm test`: all files; `npm run test:unit`: those that start no process; `npm test -- FILE...`: these.
 * New test files are found by their names.
 */
import { runTests } from "./run-tests.ts";
import { fastFiles, filesOf, unitFiles } from "./test-files.ts";

const given = process.argv.slice(2);
const files = given.length === 0 ? fastFiles() : given[0] === "unit" ? unitFiles() : filesOf(given);
if (files.length === 0) {
  console.error(`no test file matches ${given.join(" ")}`);
  process.exitCode = 1;
} else {
  process.exitCode = (await runTests(files)) ? 0 : 1;
}
