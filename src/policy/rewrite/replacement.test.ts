import assert from "node:assert/strict";
import { test } from "node:test";
import { fillReplacement, parseReplacement } from "./replacement.ts";

test("groups by number and by name, and plain dollar signs", () => {
  const groups = new Map([
    ["0", "/old/x"],
    ["1", "x"],
    ["id", "7"],
    ["12", "twelve"],
  ]);
  for (const [text, expected] of [
    ["/new/$1", "/new/x"],
    ["/$<id>/$0", "/7//old/x"],
    ["/$12$01", "/twelvex"],
    ["/$$1", "/$1"],
    ["/$", "/$"],
    ["/$a$<>$<1>", "/$a$<>$<1>"],
    ["/$9$<none>", "/"],
    ["", ""],
  ] as const) {
    assert.equal(fillReplacement(parseReplacement(text), groups), expected, text);
  }
});
