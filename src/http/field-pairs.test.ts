import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldPairs } from "./field-pairs.ts";

test("lines become names and values, without the white space around them", () => {
  assert.deepEqual(fieldPairs("A: 1\r\nset-cookie:a=b: c\r\nX-Empty:\r\nA: \t2 \r\n"), [
    ["A", "1"],
    ["set-cookie", "a=b: c"],
    ["X-Empty", ""],
    ["A", "2"],
  ]);
  assert.deepEqual(fieldPairs(""), []);
});
