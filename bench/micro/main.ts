/**
 * `node bench/micro/main.ts [--quick] [NAME...]`: nanoseconds per operation of the hot path's parts. A name chooses all operations that
 * begin with it. See bench/micro/README.md.
 */
import { chosen } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { measure } from "./time.ts";

process.exitCode = main(process.argv.slice(2));

function main(words: readonly string[]): number {
  const names = words.filter((word) => word !== "--quick");
  const operations = chosen(OPERATIONS, names);
  if (operations.length === 0 || names.some((name) => name.startsWith("-"))) {
    console.error(`usage: node bench/micro/main.ts [--quick] [NAME...]\n\n${OPERATIONS.map(({ name }) => name).join("\n")}`);
    return 1;
  }
  const [rounds, roundMs] = words.includes("--quick") ? [3, 2] : [21, 50];
  console.log(`Node ${process.version}; ns per operation over ${rounds} rounds of ${roundMs} ms\n`);
  console.log(`${"".padEnd(34)}${"median".padStart(10)}${"minimum".padStart(10)}`);
  let sum = 0;
  for (const operation of operations) {
    const result = measure(operation.prepare(), rounds, roundMs);
    sum += result.sum;
    console.log(`${operation.name.padEnd(34)}${digits(result.median)}${digits(result.minimum)}  ${operation.about}`);
  }
  // Printed, so that the compiler cannot leave out any result.
  console.log(`\nsum of all results: ${sum}`);
  return 0;
}

function digits(ns: number): string {
  return ns.toFixed(ns < 100 ? 1 : 0).padStart(10);
}
