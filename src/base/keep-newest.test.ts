import assert from "node:assert/strict";
import { test } from "node:test";
import { keepNewest } from "./keep-newest.ts";

test("of too many the oldest goes, and whatever comes again is the youngest", () => {
  const map = new Map<string, number>();
  for (const [index, key] of ["a", "b", "a", "c"].entries()) keepNewest(map, key, index, 2);
  assert.deepEqual(
    [...map],
    [
      ["a", 2],
      ["c", 3],
    ],
  );
});
