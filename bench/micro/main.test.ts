import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { OPERATIONS } from "./operations.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

test("prints a median and a minimum for each operation that was asked for", () => {
  const text = execFileSync(process.execPath, [MAIN, "--quick", "route", "metrics"], { encoding: "utf8" });
  const rows = [...text.matchAll(/^(\S+\/\S+) +([\d.]+) +([\d.]+) /gm)];
  assert.deepEqual(
    rows.map(([, name]) => name),
    ["route/1", "route/10000", "metrics/exchange"],
  );
  for (const [, , median, minimum] of rows) assert.ok(Number(median) >= Number(minimum) && Number(minimum) > 0);
});

test("names are told apart", () => {
  assert.equal(new Set(OPERATIONS.map(({ name }) => name)).size, OPERATIONS.length);
});

test("every operation works, and its result depends on how often it was done", () => {
  for (const { name, prepare } of OPERATIONS) {
    const run = prepare();
    assert.notEqual(run(3), run(64), name);
  }
});
