import assert from "node:assert/strict";
import { test } from "node:test";
import { buildResponseHead } from "./build-head.ts";
import { WantedFields } from "./wanted-fields.ts";

test("a head is asked which of some names it has", () => {
  const wanted = new WantedFields(["location", "refresh", "x-a"]);
  const found = (fields: readonly (readonly [string, string])[]): number => wanted.in(buildResponseHead({ status: 200 }, fields));
  assert.equal(found([]), 0);
  assert.equal(found([["LOCATION", "/"]]), 0b001);
  assert.equal(
    found([
      ["X-A", "1"],
      ["Refresh", "1"],
      ["x-a", "2"],
    ]),
    0b110,
  );
  // The same length, and a length whose bit is that of another one modulo 32.
  assert.equal(
    found([
      ["X-Place1", "/"],
      [`X-${"A".repeat(33)}`, "1"],
    ]),
    0,
  );
});

test("names for which there is no bit are refused", () => {
  assert.throws(() => new WantedFields(["a".repeat(32)]), RangeError);
  assert.throws(() => new WantedFields(Array.from({ length: 32 }, (_, index) => `x-${index}`)), RangeError);
});
