/**
 * `npm run coverage`: how many branches of the pure folders their own tests take. Prints each folder, and each file below its folder's mark;
 * exits with 1 if a folder is below its mark. Node counts V8's blocks as branches, so `??` is a branch as well.
 */
import { availableParallelism } from "node:os";
import path from "node:path";
import { run } from "node:test";
import { ROOT } from "../test/support/source-files.ts";
import { filesOf } from "./test-files.ts";

interface Mark {
  /** The least share of branches that tests must take, in percent. */
  readonly branches: number;
  /** Why a mark below 95 is right. */
  readonly reason?: string;
}

const MARKS: Readonly<Record<string, Mark>> = {
  base: { branches: 95 },
  http: { branches: 95 },
  http1: { branches: 95 },
  policy: { branches: 95 },
  config: { branches: 95 },
  shared: { branches: 85, reason: "what is left is `?? 0` beside reads of typed arrays, which the compiler asks for and nothing can take" },
};

interface Covered {
  readonly path: string;
  readonly totalBranchCount: number;
  readonly coveredBranchCount: number;
  readonly branches: readonly { readonly line: number; readonly count: number }[];
}

// Positions in code that comes from the compile cache are not exact.
process.env["NODE_DISABLE_COMPILE_CACHE"] = "1";
const folders = Object.keys(MARKS);
const results = run({
  files: filesOf([`src/{${folders.join(",")}}/**/*.test.ts`]).map((file) => path.join(ROOT, file)),
  concurrency: availableParallelism(),
  cwd: ROOT,
  coverage: true,
  coverageIncludeGlobs: [`src/{${folders.join(",")}}/**/*.ts`],
  coverageExcludeGlobs: ["**/*.test.ts", "**/*.fixture.ts"],
});
let files: readonly Covered[] = [];
const failed: string[] = [];
results.on("test:coverage", ({ summary }) => (files = summary.files));
results.on("test:fail", ({ name }) => failed.push(name));
results.resume();
await new Promise((resolve) => results.once("end", resolve));

for (const name of failed) console.log(`a test failed: ${name}`);
let isEnough = failed.length === 0 && files.length > 0;
for (const [folder, { branches, reason }] of Object.entries(MARKS)) {
  const inside = files.filter((file) => inRoot(file).startsWith(`src/${folder}/`));
  const reached = percent(inside);
  const enough = reached >= branches;
  isEnough &&= enough;
  console.log(
    `${enough ? "ok " : "LOW"} src/${folder}: ${reached.toFixed(1)} % of branches, at least ${branches}${reason === undefined ? "" : ` (${reason})`}`,
  );
  for (const file of inside.filter((each) => percent([each]) < branches)) {
    const lines = [...new Set(file.branches.filter(({ count }) => count === 0).map(({ line }) => line))];
    console.log(`      ${inRoot(file)}: ${percent([file]).toFixed(0)} %, lines ${lines.join(" ")}`);
  }
}
process.exitCode = isEnough ? 0 : 1;

function inRoot(file: Covered): string {
  return path.relative(ROOT, file.path).replaceAll(path.sep, "/");
}

function percent(files: readonly Covered[]): number {
  const [covered, total] = files.reduce(([some, all], file) => [some + file.coveredBranchCount, all + file.totalBranchCount], [0, 0]);
  return total === 0 ? 0 : (100 * covered) / total;
}
