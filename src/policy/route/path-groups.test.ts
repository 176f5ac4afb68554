import assert from "node:assert/strict";
import { test } from "node:test";
import { PathRegexes } from "../../regex/path-regexes.ts";
import { pathGroupsOf } from "./path-groups.ts";

const regexes = new PathRegexes();
await regexes.load();

function groups(match: Parameters<typeof pathGroupsOf>[0]["match"], path: string, host: string = "a.test"): object {
  const found = pathGroupsOf({ match }, (pattern) => regexes.compile(pattern));
  const request = { method: "GET", host, path, forwardTarget: path, get: () => undefined };
  return Object.fromEntries(found?.of(request, "192.0.2.1", null) ?? []);
}

test("by name and by number, in the canonical form of the path", () => {
  const match = { path_regex: "^/u/(?<id>[0-9]+)(?:/(?P<rest>.*))?$" };
  assert.deepEqual(groups(match, "/u/12"), { 0: "/u/12", 1: "12", 2: "", id: "12", rest: "" });
  assert.deepEqual(groups(match, "//u/%31%32/x"), { 0: "/u/12/x", 1: "12", 2: "x", id: "12", rest: "x" });
  assert.equal(
    pathGroupsOf({ match: { path: ["/x"] } }, () => assert.fail()),
    null,
  );
});

test("of the entry that takes the request, though an earlier pattern matches too", () => {
  const match = [
    { host: ["a.test"], path_regex: "^/(?<id>[^/]+)" },
    { methods: ["POST"], path_regex: "^/items(?<id>.*)" },
    { path_regex: "^/items/(?<id>[0-9]+)$" },
    { path: ["/plain"] },
  ];
  assert.deepEqual(groups(match, "/items/5"), { 0: "/items", 1: "items", id: "items" });
  assert.deepEqual(groups(match, "/items/5", "b.test"), { 0: "/items/5", 1: "5", id: "5" });
  assert.deepEqual(groups(match, "/plain", "b.test"), {});
});

test("where readings of a path lead to other entries, those of the first pattern that matches", () => {
  const match = [{ path: ["/a/b"] }, { path_regex: "^/(?<id>[^/]+)" }];
  assert.deepEqual(groups(match, "/a%2Fb"), { 0: "/a%2Fb", 1: "a%2Fb", id: "a%2Fb" });
});
