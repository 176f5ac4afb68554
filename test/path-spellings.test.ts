/** No spelling of a path leads around a route, and what is taken goes on as it was spelled. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

const guarded = `{ match: { path: "/admin/*" }, authentication: { tokens: [s3cret] }, upstream: app }, { upstream: app }`;
const open = "{ upstream: app }";
const mixed = `
  { match: { path: "/admin/*" }, authentication: { tokens: [s3cret] }, upstream: app },
  { match: { path: "/login" }, rate_limit: { requests_per_minute: 1 }, upstream: app },
  { match: { path: "/api/*" }, upstream: app }, { match: { path: "/static/*" }, upstream: app }`;

const config = (routes: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { endpoints: ["http://app.test"] } }
routes: [${routes}]
`;

const origin = new MemoryOrigin();
const proxy = await testProxy(config(open), { upstreams: { app: origin.script } });
after(() => proxy.close());

/** Each test begins with it. */
const use = (routes: string): Promise<void> => proxy.reload(config(routes));

test("a guarded path is not reached without its token, however it is spelled", async () => {
  await use(guarded);
  const before = origin.requests.length;
  const spellings: readonly (readonly [path: string, status: number])[] = [
    ["/admin", 401],
    ["/%61dmin/x", 401],
    ["/admin;a=b/x", 401],
    ["/admin//x/../y", 400],
    ["/admin/../x", 400],
    ["/x/../admin", 400],
    ["//admin", 401],
    ["///admin/x", 401],
    ["http://a.test//admin", 401],
    ["//x/admin", 400],
    ["///x//admin", 400],
    ["/\\x/admin", 400],
    ["/./admin", 400],
    ["/static/..%2fadmin", 400],
    ["/static/%2e%2e/admin", 400],
    ["/static/..\\admin", 400],
    ["/..;/admin", 400],
    ["/%2561dmin", 400],
    ["/admin%2fx", 400],
    ["/admin%3fx.css", 400],
    ["/admin%00.css", 400],
    ["/..%c0%afadmin", 400],
    ["http://a.test/x/../admin", 400],
  ];
  for (const [path, status] of spellings) {
    const response = await ask(proxy, get(path));
    assert.equal(response.status, status, path);
    if (status === 400) {
      assert.deepEqual(response.fields.get("proxy-status"), ["millrace; error=http_request_error"], path);
      assert.deepEqual(response.fields.get("connection"), ["close"], path);
    }
  }
  assert.equal(origin.requests.length, before);
});

test("what is taken goes on as it was spelled", async () => {
  await use(guarded);
  const everywhere = ["/a%2Fb/%61;x=%20y//z/?q=/../admin", "/x//y", "/caf%c3%a9/100%/", "/x\\y", "/x/../y%2fz", "//x/y"];
  for (const path of everywhere) {
    const { status } = await ask(proxy, get(path));
    assert.equal(status, 200, path);
    assert.equal(origin.requests.at(-1)?.head.split("\r\n", 1)[0], `GET ${path} HTTP/1.1`);
  }
  // Nothing to lead around.
  await use(open);
  for (const path of [...everywhere, "//x/admin", "/a/./../b/", "/admin%2fx", "/%252F"]) {
    const { status } = await ask(proxy, get(path));
    assert.equal(status, 200, path);
    assert.equal(origin.requests.at(-1)?.head.split("\r\n", 1)[0], `GET ${path} HTTP/1.1`);
  }
});

test("a base URL that ends in a slash leads to the same route, and goes on as it was spelled", async () => {
  await use(mixed);
  for (const target of ["//api/users", "///api/users", "//api//users/?q=//x", "//api?x", "//api", "//static/a.css", "//api/%75sers;v=1"]) {
    for (const spelled of [target, `http://a.test${target}`]) {
      const { status } = await ask(proxy, get(spelled));
      assert.equal(status, 200, spelled);
      assert.equal(origin.requests.at(-1)?.head.split("\r\n", 1)[0], `GET ${target} HTTP/1.1`);
    }
  }
  assert.equal((await ask(proxy, get("//"))).status, 404);
  assert.equal((await ask(proxy, get("//other/x"))).status, 404);
});

test("two slashes lead around no token check and no limit, whatever the origin makes of them", async () => {
  await use(mixed);
  const before = origin.requests.length;
  for (const path of [
    "//api/admin",
    "//api//admin/x",
    "///api/admin",
    "//api/%61dmin",
    "//api/admin;x",
    "//api;x/admin",
    "//api/./admin",
    "//api/../admin",
    "//../admin",
    "/./admin",
    "/.//api/admin",
    "//./admin",
    "//static@api/admin",
    "//api%2fadmin",
    "//api\\admin",
    "/\\api/admin",
    "\\\\api/admin",
    "/%2fapi/admin",
    "/%2f%2fapi/admin",
    "//%61pi//%61dmin",
    "//api/login",
    "//static/login",
    "http://a.test//api/admin",
    "http://a.test///api/admin/x",
  ]) {
    const { status } = await ask(proxy, get(path));
    assert.ok(status === 400 || status === 401 || status === 404, `${path}: ${status}`);
    assert.equal(origin.requests.length, before, path);
  }
  // With the token the guarded route itself takes the merged path.
  assert.equal((await ask(proxy, get("//admin/x", ["Authorization: Bearer s3cret"]))).status, 200);
});
