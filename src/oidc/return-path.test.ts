/** Where a login may lead: to a path of the origin that was asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { localPath, localUrl } from "./return-path.ts";

const ORIGIN = "https://app.example.com";

test("paths of the same origin are kept as they are", () => {
  for (const path of [
    "/",
    "/a",
    "/a/b?c=d&e=%2F%2Fevil.example",
    "/a//b",
    "/.//evil.example",
    "/@evil.example",
    "/:80",
    "/?next=https://evil.example",
  ]) {
    assert.equal(localPath(path), path);
    assert.equal(new URL(localUrl(ORIGIN, path)).origin, ORIGIN);
  }
});

test("whatever a browser may take for another place is none", () => {
  const hostile = [
    "",
    "evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\b",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    "/a\u0000",
    "/a b",
    " /a",
    "/\u00a0",
    "/\u2028",
    "/\uff0fevil.example",
    "/\u007f",
    "*",
    "?a",
    "@evil.example",
    ".evil.example",
    `/${"a".repeat(2_000)}`,
  ];
  for (const path of hostile) assert.equal(localPath(path), null, JSON.stringify(path));
});

test("no text leads anywhere else", () => {
  const parts = fc.constantFrom("/", "\\", "//", ".", "..", "@", ":", "https:", "evil.example", "\t", "\n", "%2f", "%5c", "?", "#", "a");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(parts).map((some) => some.join("")),
        fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
      ),
      (text) => {
        const path = localPath(text);
        if (path === null) return;
        const there = new URL(localUrl(ORIGIN, path));
        assert.equal(there.origin, ORIGIN);
        assert.equal(there.username, "");
        // Also for whoever resolves the path alone.
        assert.equal(new URL(path, ORIGIN).origin, ORIGIN);
      },
    ),
    { numRuns: 2_000 },
  );
});
