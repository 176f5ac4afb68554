import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { httpDate } from "./http-date.ts";

test("the date of RFC 9110 section 5.6.7", () => {
  assert.equal(httpDate(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
  assert.equal(httpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  assert.equal(httpDate(Date.UTC(2028, 1, 29, 23, 59, 59)), "Tue, 29 Feb 2028 23:59:59 GMT");
});

test("the text changes only with the second", () => {
  assert.equal(httpDate(1999), httpDate(1000));
  assert.notEqual(httpDate(2000), httpDate(1999));
  assert.equal(httpDate(1000), "Thu, 01 Jan 1970 00:00:01 GMT", "also when the clock goes back");
});

test("the text equals Date's toUTCString for every second until the year 9999", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) }), (epochMs) => {
      assert.equal(httpDate(epochMs), new Date(epochMs).toUTCString());
    }),
    { seed: 23, numRuns: 1000 },
  );
});
