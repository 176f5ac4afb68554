import assert from "node:assert/strict";
import { test } from "node:test";
import { toPlain } from "./document.ts";
import { readObject } from "./read-object.ts";
import { isVocabulary } from "../schema/foreign-keys.ts";

test("plain data is read as it is, through proxies and getters too", () => {
  const plain = {
    middleware: [{ use: "./a.ts", options: { list: [1, "a", true, null], bare: Object.assign(Object.create(null), { a: 1 }) } }],
  };
  const getting = Object.defineProperty({}, "middleware", { enumerable: true, get: () => plain.middleware });
  class Made {
    readonly middleware = plain.middleware;
  }
  for (const value of [plain, new Proxy(plain, {}), getting, new Made()]) {
    const read = readObject(value, isVocabulary);
    assert.ok(typeof read !== "string", String(read));
    assert.equal(JSON.stringify(toPlain(read)), JSON.stringify(plain));
  }
});

test("what would lose its contents is refused, without showing any", () => {
  const opaque = [
    /s3cr3t/,
    new Map([["token", "s3cr3t"]]),
    new Set(["s3cr3t"]),
    new Date(),
    Buffer.from("s3cr3t"),
    Promise.resolve(),
    new URL("http://a/s3cr3t"),
  ];
  for (const value of opaque)
    assert.equal(readObject({ middleware: [{ use: value }] }, isVocabulary), "middleware.#1.use is no plain object; expected plain data");
  for (const value of [() => "s3cr3t", Symbol("s3cr3t"), 10n])
    assert.match(String(readObject({ routes: value }, isVocabulary)), /^routes is a \w+; expected plain data$/);
});

test("a middleware that was not called is told apart from other functions", () => {
  const uncalled = Object.assign(() => undefined, { definition: {} });
  assert.equal(
    readObject({ middleware: [uncalled] }, isVocabulary),
    "middleware.#1 is a function; expected plain data; a middleware is put here by calling it",
  );
});

test("an object that holds itself, and a key that changes what an object is", () => {
  const circular: Record<string, unknown> = {};
  circular["routes"] = circular;
  assert.match(String(readObject(circular, isVocabulary)), /is nested more than 64 levels deep$/);
  assert.equal(readObject(JSON.parse('{ "__proto__": {} }'), isVocabulary), "__proto__ is no key");
});
