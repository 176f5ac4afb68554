import assert from "node:assert/strict";
import { test } from "node:test";
import { forwardedPrefix } from "./forwarded-prefix.ts";

test("what proxies before this one have taken off comes first, as one path", () => {
  for (const [before, value] of [
    [[], "/api"],
    [[""], "/api"],
    [["/outer"], "/outer/api"],
    [["/outer/"], "/outer/api"],
    [["/"], "/api"],
    [["/first", "/second"], "/first/second/api"],
    [["/first, /second/ ,"], "/first/second/api"],
    [["/a%20b;v=1"], "/a%20b;v=1/api"],
  ] as const) {
    assert.equal(forwardedPrefix(before, "/api"), value, before.join(" | "));
  }
});

test("a malformed value counts for nothing", () => {
  for (const bad of [
    "outer",
    "//evil.test",
    "/\\evil.test",
    "/a\\b",
    "/a b",
    "https://evil.test",
    "/<script>",
    '/"',
    "/a?b",
    "/a#b",
    `/${"x".repeat(1100)}`,
  ]) {
    assert.equal(forwardedPrefix([bad], "/api"), "/api", bad);
    assert.equal(forwardedPrefix(["/outer", bad], "/api"), "/api", bad);
  }
});

test("members that are harmless alone make no reference to a host together", () => {
  for (const before of [["/", "/evil.test"], ["/,/"], ["/,//"]]) assert.doesNotMatch(forwardedPrefix(before, "/api"), /^\/[/\\]/);
});
