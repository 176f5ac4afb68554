import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { allocationTests } from "./allocation-tests.ts";
import { compareAllocations, otherMachine } from "./compare-allocations.ts";
import { pinnedNode } from "./pinned-node.ts";
import { readStored } from "./stored-allocations.ts";

const STORED = readStored();

// Optimised code takes many calls before it can be counted: test/e2e/allocations.test.ts.
allocationTests("unoptimised");

test("the figures were counted on the Node that package.json pins", () => {
  assert.equal(STORED.node, pinnedNode(), "node bench/micro/allocations.ts --update, with the pinned Node");
});

test("more is a problem from 10 % and 8 bytes on, less is good news", () => {
  const stored = { a: 1000, b: 20, c: 0 };
  assert.deepEqual(compareAllocations("unoptimised", stored, { a: 1100, b: 28, c: 8 }), { problems: [], better: [] });
  assert.deepEqual(compareAllocations("unoptimised", stored, { a: 1101, b: 29, c: 9 }).problems, [
    "a, unoptimised, allocates 1101 bytes, its figure is 1000: 101 more, 10 %",
    "b, unoptimised, allocates 29 bytes, its figure is 20: 9 more, 45 %",
    "c, unoptimised, allocates 9 bytes, its figure is 0: 9 more",
  ]);
  assert.deepEqual(compareAllocations("unoptimised", stored, { a: 800, b: 12, c: 0 }).better, [
    "a, unoptimised, allocates 800 bytes, its figure is 1000",
  ]);
});

test("optimised code may differ by more", () => {
  assert.deepEqual(compareAllocations("optimised", { a: 1000, b: 0 }, { a: 1750, b: 64 }).problems, []);
  assert.equal(compareAllocations("optimised", { a: 1000, b: 0 }, { a: 1751, b: 65 }).problems.length, 2);
});

test("a new operation needs a figure, and a figure its operation", () => {
  assert.deepEqual(compareAllocations("optimised", { gone: 1 }, { fresh: 2 }).problems, [
    "fresh, optimised, allocates 2 bytes and has no figure yet",
    "gone, optimised, has a figure and is no operation any more",
  ]);
});

test("figures of another Node or machine are not compared", () => {
  const stored = { node: "26.10.0", architecture: "x64" };
  assert.equal(otherMachine(stored, "26.10.0", "x64"), null);
  assert.match(otherMachine(stored, "26.11.0", "x64") ?? "", /hold for Node 26\.10\.0, this is 26\.11\.0/);
  assert.match(otherMachine(stored, "26.10.0", "arm64") ?? "", /hold for x64, this is arm64/);
});

test("the command refuses words that it does not know", () => {
  const command = fileURLToPath(new URL("./allocations.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [command, "--upgrade"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /^usage: /);
});
