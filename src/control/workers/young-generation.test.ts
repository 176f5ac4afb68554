import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MODULE = fileURLToPath(new URL("./young-generation.ts", import.meta.url));

/** Makes objects in a thread that was started afterwards; prints how large its young generation was at most, in MiB. */
const PROGRAM = `
  import { fixYoungGeneration } from ${JSON.stringify(MODULE)};
  import { Worker } from "node:worker_threads";
  fixYoungGeneration();
  new Worker(\`
    import v8 from "node:v8";
    const alive = [];
    let most = 0;
    for (let count = 0; count < 3_000_000; count++) {
      alive[count % 100_000] = { count };
      if (count % 10_000 === 0) most = Math.max(most, v8.getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size);
    }
    console.log(most / 1024 / 1024);
  \`, { eval: true });
`;

function largest(...options: string[]): number {
  const { stdout, stderr } = spawnSync(process.execPath, [...options, "--input-type=module", "-e", PROGRAM], { encoding: "utf8" });
  const size = Number.parseFloat(stdout);
  assert.ok(size > 0, stderr);
  return size;
}

test("a thread's young generation does not outgrow its two halves", () => {
  const size = largest();
  assert.ok(size <= 8, `${size} MiB`);
});

test("a size that the user gave to Node is kept", () => {
  assert.ok(largest("--max-semi-space-size=16") > 8);
  assert.ok(largest("--max_semi_space_size=16") > 8);
});
