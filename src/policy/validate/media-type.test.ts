import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMediaType, rangeFor } from "./media-type.ts";

test("a type with its charset, and what is none", () => {
  const shown = (value: string): string | null => {
    const found = parseMediaType(value);
    return found === null ? null : `${found.type} ${found.charset}`;
  };
  assert.equal(shown("Application/JSON"), "application/json ");
  assert.equal(shown("application/json ; charset=UTF-8"), "application/json utf-8");
  assert.equal(shown('application/json;charset="utf-8"; x=y;'), "application/json utf-8");
  assert.equal(shown('multipart/form-data; boundary="a;charset=utf-16\\""'), "multipart/form-data ");
  for (const value of [
    "",
    "json",
    "a/b/c",
    "a/b, c/d",
    "a/b;charset=a;charset=b",
    'a/b;charset="utf-16',
    "a/b;charset",
    "a/b; x y",
    "a b/c",
  ])
    assert.equal(shown(value), null, value);
});

test("the range that fits best", () => {
  assert.equal(rangeFor("a/b", ["*/*", "a/*", "a/b"]), "a/b");
  assert.equal(rangeFor("a/c", ["*/*", "a/*", "a/b"]), "a/*");
  assert.equal(rangeFor("ab/c", ["a/*"]), null);
  assert.equal(rangeFor("x/c", ["*/*", "a/*"]), "*/*");
});
