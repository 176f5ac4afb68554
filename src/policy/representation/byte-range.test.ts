import assert from "node:assert/strict";
import { test } from "node:test";
import { rangeOf } from "./byte-range.ts";

test("one range of bytes", () => {
  for (const [value, first, last] of [
    ["bytes=0-0", 0, 0],
    ["bytes=2-5", 2, 5],
    ["bytes=5-", 5, 9],
    ["bytes=5-999999999999999999999", 5, 9],
    ["bytes=-3", 7, 9],
    ["bytes=-10", 0, 9],
    ["bytes=-99999999999999999999", 0, 9],
    ["Bytes = 1-2 ", 1, 2],
    ["bytes=000000000000001-2", 1, 2],
  ] as const)
    assert.deepEqual(rangeOf(value, 10), { first, last }, value);
});

test("there is no such part", () => {
  for (const value of ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-", "bytes=999999999999999-"])
    assert.equal(rangeOf(value, 10), "unsatisfiable", value);
});

test("the whole is sent for what is no single range", () => {
  for (const value of [
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-2",
    "bytes=99999999999999999999-2",
    "bytes=0-1,3-4",
    "bytes=0-,0-,0-,0-",
    "bytes=0-1,",
    "bytes=+1-2",
    "bytes=1.0-2",
    "bytes=0x1-2",
    "items=0-1",
    "bytes=0-1 2",
    "bytes:0-1",
    "bytes=1 - 2",
  ])
    assert.equal(rangeOf(value, 10), null, String(value));
  for (const value of ["bytes=0-", "bytes=-1", "bytes=5-"]) assert.equal(rangeOf(value, 0), null);
});
