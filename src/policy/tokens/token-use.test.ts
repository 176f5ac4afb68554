import assert from "node:assert/strict";
import { test } from "node:test";
import { countedTokens, tokenUse } from "./token-use.ts";
import type { Course } from "./token-use.ts";

const sent: Course = { wasSent: true, status: 200, isSafe: false, isWhole: true, input: 0, output: 0, requestBytes: 400, wordBytes: 80 };

/** What counts against a limit in total and of the output, with an estimate of 50. */
function counts(course: Partial<Course>): readonly number[] {
  const use = tokenUse({ ...sent, ...course });
  return [countedTokens(use, "total", 50), countedTokens(use, "output", 50)];
}

test("what a whole answer reports is what it cost", () => {
  assert.deepEqual(counts({ input: 7, output: 3 }), [10, 3]);
  assert.deepEqual(counts({ input: 7, output: 3, isSafe: true }), [10, 3]);
  assert.deepEqual(counts({ input: 1000, output: 5000 }), [6000, 5000]);
});

test("an answer that reports nothing costs the bytes of both sides, and the estimate at least", () => {
  assert.deepEqual(counts({}), [120, 50]);
  assert.deepEqual(counts({ requestBytes: 3, wordBytes: 0 }), [50, 50]);
  assert.deepEqual(counts({ wordBytes: 4001 }), [1101, 1001]);
});

test("an answer that was cut costs what has passed, whatever it has reported before", () => {
  assert.deepEqual(counts({ isWhole: false }), [120, 50]);
  assert.deepEqual(counts({ isWhole: false, input: 9, output: 1 }), [29, 20]);
  assert.deepEqual(counts({ isWhole: false, input: 9, output: 300 }), [309, 300]);
  assert.deepEqual(counts({ isWhole: false, input: 0, output: 30 }), [130, 30]);
});

test("a request that no answer came to costs the estimate if a model may have worked", () => {
  assert.deepEqual(counts({ status: 0, isWhole: false, wordBytes: 0 }), [100, 50]);
  assert.deepEqual(counts({ status: 0, wasSent: false }), [0, 0]);
});

test("errors cost nothing, nor does a GET whose answer speaks of no tokens", () => {
  for (const status of [304, 400, 429, 500, 503]) assert.deepEqual(counts({ status }), [0, 0]);
  assert.deepEqual(counts({ isSafe: true }), [0, 0]);
  assert.deepEqual(counts({ isSafe: true, status: 0 }), [0, 0]);
});
