/**
 * `npm run coverage`: the branches of the pure folders that their own tests take, per folder and per file below its mark. Node counts
 * branches as V8 sees blocks, so an expression with `??` is one as well.
 */
import { availableParallelism } from "node:os";
import path from "node:path";
import { run } from "node:test";
import { ROOT } from "../test/support/source-files.ts";
import { filesOf } from "./test-files.ts";

interface Mark {
  /** Percent of the branches. */
  readonly branches: number;
  /** Why less than 95 is right. */
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
