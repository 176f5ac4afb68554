import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { pathTest } from "./path-filter.ts";
import { pathRewriter } from "./path-rewrite.ts";
import { routedTarget } from "./router.ts";

const request = new IncomingMessage(new Socket());

test("a path is a beginning, a pattern the whole, and the query counts in neither", () => {
  for (const [filter, matching, others] of [
    [undefined, ["/", "/a", ""], []],
    ["/api", ["/api", "/apis?x", "http://a.test/api/x"], ["/", "/x/api", "/?/api"]],
    [["/a", "/b"], ["/a/x", "/b"], ["/c"]],
    [[], [], ["/"]],
    ["/**/*.php", ["/x/a.php?b=/c"], ["/x/a.html?b=a.php"]],
    [(path: string) => path === "/x", ["/x?y"], ["/y"]],
  ] as const)
    assert.deepEqual(
      [...matching, ...others].filter((url) => pathTest(filter)(url, request)),
      matching,
    );
});

test("a filter that cannot be used is refused when the middleware is made", () => {
  assert.throws(() => pathTest(["/api", "/x/**"]), { name: "TypeError", message: /cannot stand in one list/ });
  const given: readonly unknown[] = [null, 1, {}, [1]];
  for (const filter of given) assert.throws(() => Reflect.apply(pathTest, null, [filter]), { name: "TypeError", message: /^pathFilter: / });
});

test("the first rewrite that fits counts, and no other", () => {
  const rewrite = pathRewriter({ "^/old": "/new", "^/new": "/newer", "/x$": "" });
  const paths = ["/old/x", "/new", "/a/x", "/b"];
  assert.deepEqual(
    paths.map((path) => rewrite?.(path, request, undefined, {})),
    ["/new/x", "/newer", "/a", "/b"],
  );
  assert.equal(pathRewriter({}), null);
  for (const given of [1, "x", []]) assert.throws(() => Reflect.apply(pathRewriter, null, [given]), { name: "TypeError" });
});

test("a routing table compares the whole host, and the beginning of the path", async () => {
  const router = { "a.test/api": "http://1.test", "a.test": "http://2.test", "/rest": "http://3.test" };
  const targets = ["a.test/api/x", "a.test/x", "b.test/rest/x", "evila.test/api", "a.test.evil/api", "b.test/x/rest"].map((url) => {
    request.headers = { host: url.slice(0, url.indexOf("/")) };
    request.url = url.slice(url.indexOf("/"));
    return routedTarget(router, request, undefined, {});
  });
  assert.deepEqual(await Promise.all(targets), ["http://1.test", "http://2.test", "http://3.test", undefined, undefined, undefined]);
});
