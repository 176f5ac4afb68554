import assert from "node:assert/strict";
import { test } from "node:test";
import { isCompressible, mediaTypeOf } from "./media-type.ts";

test("the type of an ending, in any case", () => {
  for (const [file, type] of [
    ["/a/b.HTML", "text/html; charset=utf-8"],
    ["a.js", "text/javascript; charset=utf-8"],
    ["a.min.css", "text/css; charset=utf-8"],
    ["a.svg", "image/svg+xml; charset=utf-8"],
    ["a.json", "application/json"],
    ["a.webmanifest", "application/manifest+json"],
    ["a.wasm", "application/wasm"],
    ["a.woff2", "font/woff2"],
    ["a.tar.gz", "application/gzip"],
    ["a", null],
    ["a.", null],
    ["a.d/b", null],
    [".html", null],
    ["a/.js", null],
    ["a.constructor", null],
    ["a.__proto__", null],
    ["a.html ", null],
  ] as const)
    assert.equal(mediaTypeOf(file), type, file);
});

test("what smaller copies are looked for of", () => {
  assert.deepEqual(["a.js", "a.svg", "a.wasm", "a.png", "a.woff2", "a.gz", "a", "a.toString"].map(isCompressible), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});
