import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";

async function location(to: string, url: string, headers: Record<string, string> = {}): Promise<string | null> {
  const proxy = await testProxy({ upstreams: {}, trusted_proxies: ["192.0.2.1"], routes: [{ redirect: { to } }] });
  try {
    const response = await proxy.fetch(url, { headers });
    assert.deepEqual([response.status, await response.text()], [307, ""]);
    return response.headers.get("location");
  } finally {
    proxy.close();
  }
}

test("to a URL made of the request", async () => {
  assert.equal(await location("https://{host}{uri}", "http://a.test:8080/x/../y%2f?b=c"), "https://a.test/y%2f?b=c");
  assert.equal(await location("{scheme}://www.{host}{path}?from={client_ip}", "http://a.test/x"), "http://www.a.test/x?from=192.0.2.1");
  assert.equal(await location("{scheme}://a.test/", "http://a.test/x", { "X-Forwarded-Proto": "https" }), "https://a.test/");
});

test("no client chooses the host by a path that begins with two slashes", async () => {
  for (const [to, path, expected] of [
    ["{uri}", "//evil.test/x", "/evil.test/x"],
    ["{path}", "///evil.test", "/evil.test"],
    ["/{header.x-next}", "/", "/evil.test"],
    ["{header.x-back}", "/", "/%5Cevil.test"],
    ["{header.x-tab}", "/", "/%09/evil.test"],
    ["//cdn.test{path}", "/x", "//cdn.test/x"],
  ] as const) {
    const headers = { "X-Next": "/evil.test", "X-Back": "/\\evil.test", "X-Tab": "/\t/evil.test" };
    assert.equal(await location(to, `http://a.test${path}`, headers), expected, to);
  }
});

test("the status that is asked for; others are refused", async (t) => {
  const proxy = await testProxy({ upstreams: {}, routes: [{ redirect: { to: "/b", status: 301 } }] });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/", { method: "POST", body: "x" });
  assert.deepEqual([response.status, response.headers.get("location")], [301, "/b"]);
  assert.equal(proxy.log.at(-1)?.["outcome"], "redirect");
  const wrong = "listeners: [{ address: ':0' }]\nupstreams: {}\nroutes: [{ redirect: { to: /b, status: 304 } }]";
  await assert.rejects(testProxy(wrong), /redirect\.status: expected 301, 302, 303, 307 or 308, found 304/);
  for (const to of ["", "example.com/new", "new/{path}", "localhost:3000"])
    await assert.rejects(testProxy({ upstreams: {}, routes: [{ redirect: { to } }] }), /expected a URL such as https/, to);
  await assert.rejects(testProxy({ upstreams: {}, routes: [{ redirect: { to: "/a b" } }] }), /a URL holds no spaces/);
});
