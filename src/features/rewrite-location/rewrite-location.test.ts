import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Route = Full["routes"][number];

const PORT = "http://127.0.0.1:17001";

/** A proxy whose origin sends these fields. */
function proxyOf(route: Route, fields: [string, string][], more: Partial<Full> = {}): Promise<TestProxy> {
  return testProxy(
    {
      trusted_proxies: ["192.0.2.99"],
      upstreams: { app: { endpoints: [PORT] } },
      routes: [{ name: "shop", upstream: "app", ...route }],
      ...more,
    },
    { upstreams: { [PORT]: () => new Response("here", { status: 201, headers: fields }) } },
  );
}

/** The values of those fields that the client gets. */
async function got(
  proxy: TestProxy,
  name: string,
  path = "/",
  lines: readonly string[] = ["Host: shop.example:8080"],
  from = "192.0.2.1",
): Promise<string[]> {
  const client = proxy.connect({ from });
  client.send([`GET ${path} HTTP/1.1`, ...lines, "Connection: close", "", ""].join("\r\n"));
  const text = await client.untilEnded();
  client.close();
  return [...text.matchAll(new RegExp(`^${name}: (.*)\\r$`, "gim"))].map(([, value = ""]) => value);
}

const LOGIN: [string, string][] = [
  ["Location", `${PORT}/login`],
  ["Content-Location", "//127.0.0.1:17001/a"],
  ["Refresh", `5; url='${PORT}/b'`],
  ["X-Link", PORT],
];

test("without the key, and with false, nothing changes", async (t) => {
  for (const route of [{}, { rewrite_location: false }]) {
    const proxy = await proxyOf(route, LOGIN, "rewrite_location" in route ? { rewrite_location: true } : {});
    t.after(() => proxy.close());
    assert.deepEqual(await got(proxy, "Location"), [`${PORT}/login`]);
  }
});

test("the endpoint's address becomes the one that the client used", async (t) => {
  const proxy = await proxyOf({ rewrite_location: true }, LOGIN);
  t.after(() => proxy.close());
  assert.deepEqual(await got(proxy, "Location"), ["http://shop.example:8080/login"]);
  assert.deepEqual(await got(proxy, "Content-Location"), ["//shop.example:8080/a"]);
  assert.deepEqual(await got(proxy, "Refresh"), ["5; url='http://shop.example:8080/b'"]);
  assert.deepEqual(await got(proxy, "X-Link"), [PORT]);
});

test("a trusted proxy tells scheme and host, nobody else does", async (t) => {
  const proxy = await proxyOf({ rewrite_location: true }, LOGIN);
  t.after(() => proxy.close());
  const told = ["Host: inner.example", "X-Forwarded-Host: shop.example, x.example", "X-Forwarded-Proto: https"];
  assert.deepEqual(await got(proxy, "Location", "/", told, "192.0.2.99"), ["https://shop.example/login"]);
  assert.deepEqual(await got(proxy, "Location", "/", told), ["http://inner.example/login"]);
  const malformed = ["Host: inner.example", "X-Forwarded-Host: a b"];
  assert.deepEqual(await got(proxy, "Location", "/", malformed, "192.0.2.99"), ["http://inner.example/login"]);
});

test("a prefix that was taken is put back, once, and one that was added is taken off", async (t) => {
  const cases: readonly (readonly [rewrite: NonNullable<Route["rewrite"]>, path: string, location: string, expected: string])[] = [
    [{ strip_prefix: "/api" }, "/api/x", "/login", "/api/login"],
    [{ strip_prefix: "/api" }, "/%61pi/x", `${PORT}/login?a`, "http://shop.example:8080/api/login?a"],
    [{ strip_prefix: "/api" }, "/api/x", "http://shop.example:8080/login", "http://shop.example:8080/api/login"],
    [{ strip_prefix: "/api" }, "/api/x", "/api/login", "/api/login"],
    [{ strip_prefix: "/api" }, "/api/x", "/apis", "/api/apis"],
    [{ strip_prefix: "/api" }, "/api/x", "login", "login"],
    [{ strip_prefix: "/api" }, "/api/x", "https://elsewhere.example/login", "https://elsewhere.example/login"],
    [{ strip_prefix: "/api" }, "/other", "/login", "/login"],
    [{ strip_prefix: "/api", add_prefix: "/v1" }, "/api/x", "/v1/login", "/api/login"],
    [{ strip_prefix: "/api", add_prefix: "/v1" }, "/api/x", "/v1", "/api/"],
    [{ strip_prefix: "/api", add_prefix: "/api" }, "/api/x", "/api/api/login", "/api/api/login"],
    [{ add_prefix: "/v1" }, "/x", "/v1//evil.test/", "/evil.test/"],
    [{ add_prefix: "/v1" }, "/x", "/login", "/login"],
    [{ host: "app.internal:8080" }, "/x", "http://app.internal:8080/login", "http://shop.example:8080/login"],
    [{ host: "upstream" }, "/x", `${PORT}/login`, "http://shop.example:8080/login"],
  ];
  for (const [rewrite, path, location, expected] of cases) {
    const proxy = await proxyOf({ rewrite, rewrite_location: true }, [["Location", location]]);
    t.after(() => proxy.close());
    assert.deepEqual(await got(proxy, "Location", path), [expected], `${path} ${location}`);
  }
});

test("entries of a list come first; no value of a variable chooses the host or brings a line", async (t) => {
  const rewrite_location = [
    { from: `${PORT}/a`, to: "{scheme}://{host}/b" },
    { from: "/c", to: "{header.X-To}" },
    { from: "//other.example", to: "https://{header.X-To}/{query.q}" },
  ];
  const fields: [string, string][] = [
    ["Location", `${PORT}/a/x`],
    ["Content-Location", "/c/x"],
    ["Refresh", "1; url=http://other.example/x"],
  ];
  const proxy = await proxyOf({ rewrite_location }, fields);
  t.after(() => proxy.close());
  for (const [value, path] of [
    ["//evil.test", "/evil.test/x"],
    ["https://evil.test", "/https://evil.test/x"],
    ["\\\\evil.test", "%5C%5Cevil.test/x"],
    ["javascript:alert(1)", "/javascript:alert(1)/x"],
    ["a\tb\xff", "a%09b%FF/x"],
    ["/ok", "/ok/x"],
  ] as const) {
    const lines = ["Host: shop.example", `X-To: ${value}`];
    assert.deepEqual(await got(proxy, "Content-Location", "/?q=%0d%0aX-Evil:1", lines), [path]);
    assert.deepEqual(await got(proxy, "Location", "/", lines), ["http://shop.example/b/x"]);
    const [refresh = ""] = await got(proxy, "Refresh", "/?q=%0d%0aX-Evil:1", lines);
    assert.match(refresh, /^1; url=https:\/\/[!-~]+\/%0d%0aX-Evil:1\/x$/);
    assert.deepEqual(await got(proxy, "X-Evil", "/?q=%0d%0aX-Evil:1", lines), []);
  }
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [Route["rewrite_location"], RegExp])[] = [
    [[], /rewrite_location: expected/],
    [[{ from: "a", to: "/b" }], /rewrite_location\.#1\.from: expected the beginning of a URL or a path/],
    [[{ from: "ftp://a.test/", to: "/" }], /expected the beginning of a URL/],
    [[{ from: "/a?b", to: "/b" }], /without query/],
    [[{ from: "/a/", to: "/b" }], /rewrite_location\.#1\.to: `from` and `to` both end in a slash/],
    [[{ from: "/a", to: "/b c" }], /a URL holds no spaces/],
    [[{ from: "/a", to: "{hots}" }], /there is no variable \{hots\}/],
  ];
  for (const [rewrite_location, problem] of wrong) await assert.rejects(proxyOf({ rewrite_location }, []), problem);
});
