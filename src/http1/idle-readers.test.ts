import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleReaders } from "./idle-readers.ts";

test("the reader given back last is taken first, and a new one is made when there is none", () => {
  let made = 0;
  const readers = new IdleReaders(() => ++made);
  assert.deepEqual([readers.take(), readers.take(), readers.take()], [1, 2, 3]);
  readers.giveBack(1);
  readers.giveBack(3);
  assert.deepEqual([readers.take(), readers.take(), readers.take()], [3, 1, 4]);
});

test("the number of readers kept is limited", () => {
  let made = 0;
  const readers = new IdleReaders(() => --made);
  for (let reader = 1; reader <= 1000; reader++) readers.giveBack(reader);
  let kept = 0;
  while (readers.take() > 0) kept++;
  assert.equal(kept, 256);
});
