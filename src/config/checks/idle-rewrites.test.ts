import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { idleRewrite } from "./idle-rewrites.ts";

const warned = (route: object): string[] => idleRewrite(route, 0).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("a prefix that no path of the route is below", () => {
  for (const [match, prefix] of [
    [{ path: "/app/*" }, "/api"],
    [{ path: "/apis/*" }, "/api"],
    [{ path: ["/a", "/b/*"] }, "/api"],
    [[{ path: "/a/*" }, { path: "/b" }], "/api"],
    [{ path: "/api" }, "/api/v1"],
  ] as const) {
    assert.match(
      warned({ match, upstream: "app", rewrite: { strip_prefix: prefix } }).join(),
      /^routes\.0\.rewrite\.strip_prefix: no path/,
    );
  }
});

test("no warning where some path may be below it, or where it is not known", () => {
  for (const [match, prefix] of [
    [undefined, "/api"],
    [{ host: "a.test" }, "/api"],
    [{ path: "/*" }, "/api"],
    [{ path: "/api/*" }, "/api/v1/"],
    [{ path: "/api/v1/*" }, "/api"],
    [{ path: "/%61pi" }, "/api"],
    [{ path: ["/a", "/api/x"] }, "/api"],
    [[{ path: "/a/*" }, { methods: ["GET"] }], "/api"],
    [{ path: 1 }, "/api"],
    [{ path: "/a" }, 1],
  ] as const) {
    assert.deepEqual(warned({ match, upstream: "app", rewrite: { strip_prefix: prefix } }), []);
  }
  assert.deepEqual(warned({ match: { path: "/a" }, upstream: "app" }), []);
  fc.assert(fc.property(fc.anything(), fc.anything(), (match, rewrite) => void warned({ match, rewrite })));
});
