import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalAuthority, splitRefresh } from "./reference.ts";

test("the URL of a Refresh field, in every way of writing it", () => {
  for (const [before, url, after] of [
    ["5; url=", "http://a.test/", ""],
    ["5;URL = ", "/x", ""],
    ["0,url=", "/x", ""],
    ["5 url=", "/x", ""],
    ["5.5; url='", "/x y", "'; more"],
    ['5; url="', "/x", '"'],
    ["5; url='", "/x", ""],
    ["5; ", "/x", ""],
  ] as const) {
    assert.deepEqual(splitRefresh(before + url + after), [before, url, after]);
  }
  for (const none of ["", "5", "5;", "5; url=", "x; url=/", "; url=/x"]) assert.equal(splitRefresh(none), null, none);
});

test("the parts of a Refresh field are the field", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("5", ";", " ", "\t", "u", "r", "l", "=", "'", '"', "/", "x", ",", ".") }), (value) => {
      const parts = splitRefresh(value);
      assert.ok(parts === null || parts.join("") === value);
    }),
  );
  // In no more than linear time.
  splitRefresh(`5${" ".repeat(100_000)}x`);
  splitRefresh(`5; url='${"x'".repeat(50_000)}`);
});

test("authorities are equal as URLs have them", () => {
  assert.equal(canonicalAuthority("http", "A.test:80"), "a.test");
  assert.equal(canonicalAuthority("https", "a.test:443"), "a.test");
  assert.equal(canonicalAuthority("https", "a.test:80"), "a.test:80");
  assert.equal(canonicalAuthority("http", "u:p@a.test"), "a.test");
  assert.equal(canonicalAuthority("http", "a b"), null);
});
