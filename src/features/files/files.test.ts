import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Route = Extract<TestConfig, { routes: unknown }>["routes"][number];

const LARGE = "0123456789abcdef".repeat(20_000);
const FILES = {
  "public/index.html": "<h1>home</h1>",
  "public/a b.txt": "a b",
  "public/app.js": "let a = 1;",
  "public/app.js.br": "BR",
  "public/app.js.gz": "GZ",
  "public/docs/index.html": "docs",
  "public/docs/page.html": "page",
  "public/empty.txt": "",
  "public/large.bin": LARGE,
  "public/.env": "SECRET=1",
  "public/docs/.git/config": "[core]",
  "public/.well-known/security.txt": "Contact: a@a.test",
  "public/50%.txt": "half",
  "public/ü.txt": "umlaut",
  "public/evil.test/index.html": "evil",
  "secret.txt": "outside",
};

async function serving(t: TestContext, route: Partial<Route> = {}, files: Readonly<Record<string, string>> = FILES): Promise<TestProxy> {
  const proxy = await testProxy({ upstreams: {}, routes: [{ files: { root: "./public" }, ...route }] }, { files });
  t.after(() => proxy.close());
  // Files that were changed a moment ago have weak tags.
  await proxy.advance("10s");
  return proxy;
}

/** Status and body of the response to a target that is sent as it stands. */
async function raw(proxy: TestProxy, target: string, ...lines: string[]): Promise<string> {
  const client = proxy.connect();
  client.send([`GET ${target} HTTP/1.1`, "Host: a.test", "Connection: close", "Accept: text/plain", ...lines, "", ""].join("\r\n"));
  const text = await client.untilEnded();
  client.close();
  return `${text.slice(9, 12)} ${text.slice(text.indexOf("\r\n\r\n") + 4)}`;
}

async function get(proxy: TestProxy, path: string, headers: Record<string, string> = {}, method: string = "GET"): Promise<Response> {
  return proxy.fetch(`http://a.test${path}`, { method, headers });
}

test("a file with its type and validators, and HEAD with the same fields", async (t) => {
  const proxy = await serving(t);
  const response = await get(proxy, "/docs/page.html?v=1");
  assert.deepEqual([response.status, await response.text()], [200, "page"]);
  const expected = {
    "accept-ranges": "bytes",
    "content-length": "4",
    "content-type": "text/html; charset=utf-8",
    "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    vary: "Accept-Encoding",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(response.headers.get(name), value, name);
  assert.match(response.headers.get("etag") ?? "", /^"[0-9a-z]+-4"$/);
  assert.notEqual(response.headers.get("date"), null);
  const head = await get(proxy, "/docs/page.html", {}, "HEAD");
  assert.equal(await head.text(), "");
  assert.deepEqual([...head.headers], [...response.headers]);
  assert.equal(proxy.log.at(-1)?.["outcome"], "completed");
  const empty = await get(proxy, "/empty.txt");
  assert.deepEqual([empty.headers.get("content-length"), await empty.text()], ["0", ""]);
  const unknown = await get(proxy, "/large.bin");
  assert.deepEqual([unknown.headers.get("content-type"), unknown.headers.get("vary")], ["application/octet-stream", null]);
  assert.equal(await unknown.text(), LARGE);
});

test("names are decoded once", async (t) => {
  const proxy = await serving(t);
  for (const [target, answer] of [
    ["/a%20b.txt", "200 a b"],
    ["/50%25.txt", "200 half"],
    ["/%c3%bc.txt", "200 umlaut"],
    ["/docs/./x/../page.html", "200 page"],
    ["/docs/page.html;v=1", "200 page"],
    ["/.well-known/security.txt", "200 Contact: a@a.test"],
  ] as const)
    assert.equal(await raw(proxy, target), answer, target);
});

test("nothing outside of the folder, no name with a dot, no other spelling of a slash", async (t) => {
  const proxy = await serving(t);
  for (const target of [
    "/secret.txt",
    "/../secret.txt",
    "/docs/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/docs/..%2f..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/%252e%252e/secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%c0%afsecret.txt",
    "/..%u2215secret.txt",
    "/..;/secret.txt",
    "/.../secret.txt",
    "/..\\secret.txt",
    "/%00",
    "/app.js%00.html",
    "/app.js%0a",
    "/app.js%7f",
    "/docs%2fpage.html",
    "/docs%5cpage.html",
    "/docs\\page.html",
    "/docs%252fpage.html",
    "/.env",
    "/%2eenv",
    "/%2Eenv",
    "/docs/.git/config",
    "/docs/.well-known/x",
    "/.well-known/.env",
    "/.%65nv",
    "/%ff.txt",
    "/%c3.txt",
    `/${"x".repeat(300)}`,
    `/${"x/".repeat(3000)}`,
    "/app.js/",
    "/app.js/x",
    "/",
  ]) {
    const answer = await raw(proxy, target);
    if (target === "/") assert.equal(answer, "200 <h1>home</h1>");
    else assert.match(answer, /^(?:400 400 Bad Request|404 404 Not Found): /, target);
  }
});

test("a folder redirects to its slash, on this host and nowhere else", async (t) => {
  const proxy = await serving(t);
  for (const [target, location] of [
    ["/docs", "/docs/"],
    ["/docs?a=b&c", "/docs/?a=b&c"],
    ["//evil.test", "/evil.test/"],
    ["///evil.test", "/evil.test/"],
    ["/.//evil.test", "/evil.test/"],
    ["/docs/../docs", "/docs/"],
    ["/d%6fcs", "/docs/"],
  ] as const) {
    const client = proxy.connect();
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
    const text = await client.untilEnded();
    assert.match(text, /^HTTP\/1\.1 (?:308|400) /, target);
    if (text.startsWith("HTTP/1.1 308")) assert.equal(/^location: (.*)\r$/im.exec(text)?.[1], location, target);
  }
  const index = await get(proxy, "/docs/");
  assert.deepEqual([index.headers.get("content-type"), await index.text()], ["text/html; charset=utf-8", "docs"]);
  assert.equal((await get(proxy, "/docs/.git/")).status, 404);
});

test("other methods are 405", async (t) => {
  const proxy = await serving(t);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
    const response = await get(proxy, "/app.js", {}, method);
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"], method);
  }
  assert.equal(proxy.log.at(-1)?.["outcome"], "file_method");
});

test("conditions and ranges", async (t) => {
  const proxy = await serving(t);
  const first = await get(proxy, "/large.bin");
  await first.arrayBuffer();
  const [tag, date] = [first.headers.get("etag") ?? "", first.headers.get("last-modified") ?? ""];
  const not = await get(proxy, "/large.bin", { "If-None-Match": tag });
  assert.deepEqual([not.status, await not.text(), not.headers.get("etag"), not.headers.get("last-modified")], [304, "", tag, date]);
  assert.equal(not.headers.get("content-length"), null);
  assert.equal((await get(proxy, "/large.bin", { "If-Modified-Since": date }, "HEAD")).status, 304);
  const failed = await get(proxy, "/large.bin", { "If-Match": '"x"', "If-None-Match": tag });
  assert.equal(failed.status, 412);
  assert.equal(proxy.log.at(-1)?.["outcome"], "file_precondition");

  const part = await get(proxy, "/large.bin", { Range: "bytes=100000-199999", "If-Range": tag });
  assert.deepEqual(
    [part.status, part.headers.get("content-range"), part.headers.get("content-length"), await part.text()],
    [206, "bytes 100000-199999/320000", "100000", LARGE.slice(100_000, 200_000)],
  );
  const tail = await get(proxy, "/app.js", { Range: "bytes=-4" });
  assert.deepEqual([tail.status, await tail.text()], [206, "= 1;"]);
  const none = await get(proxy, "/large.bin", { Range: "bytes=320000-" });
  assert.deepEqual([none.status, none.headers.get("content-range")], [416, "bytes */320000"]);
  for (const headers of [{ Range: "bytes=0-1,5-6" }, { Range: "bytes=0-1", "If-Range": '"other"' }, { Range: "lines=1-2" }]) {
    const whole = await get(proxy, "/large.bin", headers);
    assert.deepEqual([whole.status, (await whole.text()).length], [200, 320_000]);
  }
  assert.equal((await get(proxy, "/large.bin", { Range: "bytes=0-1" }, "HEAD")).status, 200);
  assert.equal((await get(proxy, "/empty.txt", { Range: "bytes=0-" })).status, 200);
});

test("a file that was changed a moment ago has a weak tag, and no ranges by it", async (t) => {
  const proxy = await testProxy({ upstreams: {}, routes: [{ files: { root: "public" } }] }, { files: FILES });
  t.after(() => proxy.close());
  const response = await get(proxy, "/app.js");
  const tag = response.headers.get("etag") ?? "";
  assert.match(tag, /^W\/"/);
  assert.equal((await get(proxy, "/app.js", { "If-None-Match": tag })).status, 304);
  assert.equal((await get(proxy, "/app.js", { Range: "bytes=0-1", "If-Range": tag })).status, 200);
});

test("compressed copies", async (t) => {
  const proxy = await serving(t);
  const with_ = async (accept: string): Promise<readonly unknown[]> => {
    const response = await get(proxy, "/app.js", { "Accept-Encoding": accept });
    const { headers } = response;
    assert.deepEqual([headers.get("vary"), headers.get("content-type")], ["Accept-Encoding", "text/javascript; charset=utf-8"]);
    return [headers.get("content-encoding"), headers.get("content-length"), /-(?:br|gzip|zstd)"$/.exec(headers.get("etag") ?? "")?.[0]];
  };
  assert.deepEqual(await with_("gzip, deflate, br, zstd"), ["br", "2", '-br"']);
  assert.deepEqual(await with_("gzip"), ["gzip", "2", '-gzip"']);
  assert.deepEqual(await with_("zstd"), [null, "10", undefined]);
  assert.deepEqual(await with_("br;q=0"), [null, "10", undefined]);
  const without = await serving(t, { files: { root: "public", precompressed: [] } });
  const plain = await get(without, "/app.js", { "Accept-Encoding": "br" });
  assert.deepEqual([plain.headers.get("content-encoding"), plain.headers.get("vary")], [null, null]);
  const other = await serving(t, {}, { "public/a.png": "PNG", "public/a.png.gz": "GZ", "public/b.js.gz": "GZ" });
  assert.equal((await get(other, "/a.png", { "Accept-Encoding": "gzip" })).headers.get("content-encoding"), null);
  assert.equal((await get(other, "/b.js", { "Accept-Encoding": "gzip" })).status, 404);
});

test("a single-page application: what is not found is its page, but not what is no page", async (t) => {
  const proxy = await serving(t, { files: { root: "public", fallback: "/index.html" } });
  for (const path of ["/users/7", "/users/john.doe", "/nothing/", "/old.html"]) {
    const response = await get(proxy, path);
    assert.deepEqual([response.status, await response.text()], [200, "<h1>home</h1>"], path);
  }
  for (const path of ["/old.js", "/logo.png", "/x/app.css.map"]) assert.equal((await get(proxy, path)).status, 404, path);
  for (const target of ["/.env", "/%5c", "/..%2fsecret.txt"]) assert.match(await raw(proxy, target), /^40[04] /, target);
  assert.equal((await get(proxy, "/users/7", {}, "POST")).status, 405);
  assert.equal((await get(proxy, "/docs")).status, 308);
});

test("a rewritten path, and none that leaves what was put before it", async (t) => {
  const files = { "site/public/a.txt": "a", "site/private/b.txt": "b", "site/public/d/index.html": "d" };
  const stripped = await serving(
    t,
    { match: { path: "/app/*" }, rewrite: { strip_prefix: "/app" }, files: { root: "site/public" } },
    files,
  );
  assert.equal(await raw(stripped, "/app/a.txt"), "200 a");
  assert.equal(await raw(stripped, "/%61pp//a.txt"), "200 a");
  const folder = await get(stripped, "/app/d");
  assert.deepEqual([folder.status, folder.headers.get("location")], [308, "/app/d/"]);
  // A page at /app would look for its scripts beside it, at /a.js.
  for (const path of ["/app", "/app?a=b", "/%61pp"]) {
    const bare = await get(stripped, path);
    assert.deepEqual([bare.status, bare.headers.get("location")], [308, path === "/app?a=b" ? "/app/?a=b" : "/app/"], path);
  }
  assert.equal((await get(stripped, "/app/.")).status, 404);
  const added = await serving(t, { rewrite: { add_prefix: "/public" }, files: { root: "site" } }, files);
  assert.equal(await raw(added, "/a.txt"), "200 a");
  assert.match(await raw(added, "/../private/b.txt"), /^40[04] /);
  const replaced = await serving(
    t,
    { rewrite: { path_regex: { from: "^/x/?$", to: "/d" } }, files: { root: "site/public", index: ["none.html", "index.html"] } },
    files,
  );
  assert.equal((await get(replaced, "/x")).headers.get("location"), "/x/");
  assert.equal(await (await get(replaced, "/x/")).text(), "d");
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [files: object, problem: RegExp])[] = [
    [{}, /files: the key "root" is missing|root/],
    [{ root: "a", index: "a/b.html" }, /expected the name of a file/],
    [{ root: "a", index: ".." }, /expected the name of a file/],
    [{ root: "a", fallback: "index.html" }, /expected the path of a file below root/],
    [{ root: "a", fallback: "/../x" }, /expected the path of a file below root/],
    [{ root: "a", fallback: "/" }, /expected the path of a file below root/],
    [{ root: "a", precompressed: ["deflate"] }, /precompressed/],
  ];
  for (const [files, problem] of wrong)
    await assert.rejects(testProxy({ upstreams: {}, routes: [{ files } as Route] }), problem, JSON.stringify(files));
  const both = testProxy({ upstreams: {}, routes: [{ files: { root: "a" }, respond: {} }] });
  await assert.rejects(both, /files: the route has respond already|respond: the route has files already/);
});
