import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Route = Full["routes"][number];

function proxyOf(route: Route, top: Partial<Full> = {}): Promise<TestProxy> {
  const headers: [string, string][] = [
    ["Set-Cookie", "a=1; Domain=app.internal; Path=/app"],
    ["X-Other", "Domain=app.internal"],
    ["set-cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly"],
    ["Set-Cookie", "malformed"],
  ];
  return testProxy({ routes: [{ upstream: "app", ...route }], ...top }, { upstreams: { app: () => new Response("here", { headers }) } });
}

async function cookies(proxy: TestProxy): Promise<string[]> {
  const { headers } = await proxy.fetch("http://a.test/");
  assert.equal(headers.get("x-other"), "Domain=app.internal");
  return headers.getSetCookie();
}

test("each line is rewritten on its own, and none is lost", async (t) => {
  const proxy = await proxyOf({ rewrite_cookies: { domain: "example.com", path: "/", secure: true, same_site: "lax" } });
  t.after(() => proxy.close());
  assert.deepEqual(await cookies(proxy), [
    "a=1; Domain=example.com; Path=/; Secure; SameSite=Lax",
    "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly; Secure; SameSite=Lax",
    "malformed; Secure; SameSite=Lax",
  ]);
});

test("without the key nothing changes", async (t) => {
  const proxy = await proxyOf({});
  t.after(() => proxy.close());
  assert.deepEqual((await cookies(proxy))[0], "a=1; Domain=app.internal; Path=/app");
});

test("of each key the most particular place counts", async (t) => {
  const proxy = await proxyOf({ rewrite_cookies: { domain: "" } }, { rewrite_cookies: { domain: "example.com", path: "/" } });
  t.after(() => proxy.close());
  assert.deepEqual((await cookies(proxy))[0], "a=1; Path=/");
});

test("a cookie that response_headers sets stays as it stands there", async (t) => {
  const proxy = await proxyOf({ rewrite_cookies: { secure: true }, response_headers: { add: { "Set-Cookie": "own=1" } } });
  t.after(() => proxy.close());
  assert.deepEqual((await cookies(proxy)).slice(-2), ["malformed; Secure", "own=1"]);
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [Route["rewrite_cookies"], RegExp])[] = [
    [{ same_site: "none" }, /rewrite_cookies\.same_site: none needs `secure: true` beside it/],
    [{ domain: "a.test; Secure" }, /rewrite_cookies\.domain: expected a domain/],
    [{ domain: "a.test\r\nX-A: 1" }, /rewrite_cookies\.domain: expected a domain/],
    [{ path: "/a;b" }, /rewrite_cookies\.path: expected a path/],
    [{ path: "a" }, /rewrite_cookies\.path: expected a path/],
  ];
  for (const [rewrite_cookies, problem] of wrong) await assert.rejects(proxyOf({ rewrite_cookies }), problem);
});
