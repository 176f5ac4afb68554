/** A key in the query, through the whole proxy. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

const KEY = "mr_4f0a1b2c_SGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29";
const FILE = `keys:\n  - { id: feed, prefix: ${KEY.slice(0, 11)}, hash: "sha256:${createHash("sha256").update(KEY).digest("hex")}" }\n`;

async function started(t: TestContext, route: Omit<RouteInput, "upstream"> = {}, more: object = {}): Promise<TestProxy> {
  const authentication = { api_keys: { file: "keys.yaml", query: "api_key" }, identity_headers: { user: "X-User" }, ...more };
  const proxy = await testProxy(
    { routes: [{ ...route, upstream: "app", authentication }] },
    { files: { "keys.yaml": FILE }, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  return proxy;
}

/** The status, and path and query as the upstream got them. */
async function ask(proxy: TestProxy, target: string, headers: Record<string, string> = {}): Promise<[number, string | null]> {
  const before = proxy.requests("app").length;
  const { status } = await proxy.fetch(`http://a.test${target}`, { headers });
  const request = proxy.requests("app")[before];
  return [status, request?.target ?? null];
}

test("lets in, says whose it is, and the parameter goes no further", async (t) => {
  const proxy = await started(t);
  for (const [target, upstream] of [
    [`/feed?api_key=${KEY}`, "/feed"],
    [`/feed?a=1&api_key=${KEY}&b=%20`, "/feed?a=1&b=%20"],
    [`/feed?%61pi_key=${KEY}`, "/feed"],
    [`/feed?api_key=%6dr${KEY.slice(2)}&a`, "/feed?a"],
  ] as const) {
    assert.deepEqual(await ask(proxy, target), [200, upstream]);
    assert.equal(proxy.requests("app").at(-1)?.headers.get("x-user"), "feed");
  }
  assert.doesNotMatch(JSON.stringify(proxy.log), new RegExp(KEY));
});

test("that is wrong, empty, doubled or missing lets nobody in", async (t) => {
  const proxy = await started(t);
  for (const [target, status] of [
    ["/", 401],
    ["/?", 401],
    ["/?api_key", 401],
    ["/?api_key=", 401],
    [`/?api_key=${KEY}x`, 401],
    [`/?API_KEY=${KEY}`, 401],
    [`/?a=api_key=${KEY}`, 401],
    [`/?api_key=${KEY}&api_key=${KEY}`, 400],
    [`/?api_key=wrong&%61pi_key=${KEY}`, 400],
  ] as const)
    assert.deepEqual(await ask(proxy, target), [status, null], target);
});

test("is no credential where no parameter is named", async (t) => {
  const proxy = await testProxy(
    { routes: [{ upstream: "app", authentication: { api_keys: { file: "keys.yaml" } } }] },
    { files: { "keys.yaml": FILE }, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  assert.deepEqual(await ask(proxy, `/?api_key=${KEY}`), [401, null]);
});

test("goes no further beside another credential, or where everybody is let in", async (t) => {
  const proxy = await started(t, {}, { tokens: ["token"], optional: true });
  assert.deepEqual(await ask(proxy, "/?api_key=whatever&a=1", { Authorization: "Bearer token" }), [200, "/?a=1"]);
  assert.deepEqual(await ask(proxy, "/?a=1"), [200, "/?a=1"]);
  assert.deepEqual(await ask(proxy, "/?api_key=wrong"), [401, null]);
});

test("goes no further, whatever rewrites and hooks make of the target", async (t) => {
  const rewrites: readonly (readonly [NonNullable<RouteInput["rewrite"]>, string])[] = [
    [{ strip_prefix: "/api" }, "/x?a=1"],
    [{ add_prefix: "/v2" }, "/v2/api/x?a=1"],
    [{ path_regex: { from: "^/api/(.*)$", to: "/$1" } }, "/x?a=1"],
  ];
  for (const [rewrite, upstream] of rewrites) {
    const proxy = await started(t, { rewrite });
    for (let again = 0; again < 3; again++) assert.deepEqual(await ask(proxy, `/api/x?api_key=${KEY}&a=1`), [200, upstream]);
  }
});

test("goes no further in a second attempt and in requests that follow on the connection", async (t) => {
  const proxy = await started(t, { retry: { on: [503], attempts: 3 } });
  const statuses = [503, 200, 200];
  proxy.serve("app", () => new Response("", { status: statuses.shift() ?? 200 }));
  const connection = proxy.connect();
  for (let again = 0; again < 3; again++) connection.send(`GET /x?api_key=${KEY} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
  await proxy.advance("5s");
  const seen = proxy.requests("app").map(({ target }) => target);
  assert.ok(seen.length >= 3);
  assert.deepEqual([...new Set(seen)], ["/x"]);
});
