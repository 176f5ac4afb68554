import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, messageOf, stackOf } from "./errors.ts";

test("whatever is thrown has a text", () => {
  assert.deepEqual([messageOf(new TypeError("wrong")), messageOf("text"), messageOf(undefined)], ["wrong", "text", "undefined"]);
  assert.match(stackOf(new Error("wrong")), /^Error: wrong\n\s+at /);
  const bare = new Error("wrong");
  delete bare.stack;
  assert.deepEqual([stackOf(bare), stackOf(7)], ["wrong", "7"]);
});

test("the code of an error is a text in an Error's `code`, and nothing else", () => {
  assert.equal(codeOf(Object.assign(new Error("no file"), { code: "ENOENT" })), "ENOENT");
  for (const other of [new Error("plain"), Object.assign(new Error("number"), { code: 7 }), { code: "ENOENT" }, null]) {
    assert.equal(codeOf(other), "");
  }
});
