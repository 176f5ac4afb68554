import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
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

test("an error of another realm is one", () => {
  const other: unknown = runInNewContext("Object.assign(new TypeError('wrong'), { code: 'ENOENT' })");
  assert.ok(!(other instanceof Error));
  assert.deepEqual([messageOf(other), codeOf(other)], ["wrong", "ENOENT"]);
});

test("what throws when it is read has a text too", () => {
  const broken = (): never => {
    throw new Error("while it was read");
  };
  const throwing = [
    { toString: broken },
    Object.create(null),
    Object.defineProperty(new Error("hidden"), "message", { get: broken }),
    new Proxy({}, { getPrototypeOf: broken }),
    Object.assign(new Error("hidden"), { message: { toString: broken } }),
  ];
  for (const each of throwing) {
    assert.equal(messageOf(each), "something without a readable message");
    assert.equal(typeof stackOf(each), "string");
    assert.equal(codeOf(each), "");
  }
  assert.equal(codeOf(Object.defineProperty(new Error("x"), "code", { get: broken })), "");
  assert.deepEqual(
    [messageOf(Symbol("s")), messageOf(null), messageOf(Object.assign(new Error("x"), { message: 7 }))],
    ["Symbol(s)", "null", "7"],
  );
});
