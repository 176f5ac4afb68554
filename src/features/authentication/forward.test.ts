import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { MemoryOrigin, ask, responses } from "../../../test/support/in-memory.ts";
import type { FullConfig } from "../../middleware/config-input.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestOrigin, TestProxy } from "../../testing/test-proxy.ts";

type Authentication = Exclude<FullConfig["routes"][number]["authentication"], false | undefined>;
type Forward = NonNullable<Authentication["forward"]>;

const SERVICE = "http://127.0.0.1:9091";
const URL_THERE = `${SERVICE}/verify?mode=header`;

const yes =
  (fields: Record<string, string> = {}): TestOrigin =>
  () =>
    new Response("ignored", { status: 202, headers: fields });

/** @param more keys of `forward` */
async function started(
  t: TestContext,
  service: TestOrigin,
  more: Partial<Forward> = {},
  { route = {}, top = {}, app }: { route?: object; top?: Partial<FullConfig>; app?: TestOrigin } = {},
): Promise<TestProxy> {
  const routes = [
    { match: { path: "/open" }, upstream: "app" },
    {
      name: "site",
      upstream: "app",
      ...route,
      authentication: { forward: { url: URL_THERE, ...more }, ...("authentication" in route ? (route.authentication as object) : {}) },
    },
  ];
  const proxy = await testProxy({ ...top, routes }, { upstreams: { app: app ?? (() => new Response("in")), [SERVICE]: service } });
  t.after(() => proxy.close());
  return proxy;
}

/** What the service got last, line by line. */
function asked(proxy: TestProxy): string[] {
  return (proxy.requests(SERVICE).at(-1)?.head ?? "").split("\r\n").filter((line) => line !== "");
}

function upstreamSaw(proxy: TestProxy, name: string): string | null {
  return proxy.requests("app").at(-1)?.headers.get(name) ?? null;
}

const lines = (...all: string[]): string => [...all, "", ""].join("\r\n");

describe("the service", () => {
  test("gets the request's head and nothing else, and with 2xx the request goes on", async (t) => {
    const proxy = await started(t, yes());
    const response = await proxy.fetch("http://a.test:8080/x/%2e%2e/y?q=1", {
      method: "POST",
      body: "secret body",
      headers: {
        Cookie: "s=1",
        Authorization: "Basic abc",
        Accept: "text/html",
        "User-Agent": "t",
        "X-Other": "1",
        "Content-Type": "text/plain",
      },
    });
    assert.equal(await response.text(), "in");
    assert.deepEqual(asked(proxy), [
      "GET /verify?mode=header HTTP/1.1",
      "Host: 127.0.0.1:9091",
      "Authorization: Basic abc",
      "Cookie: s=1",
      "Accept: text/html",
      "User-Agent: t",
      "X-Forwarded-Method: POST",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: a.test:8080",
      "X-Forwarded-Uri: /y?q=1",
      "X-Forwarded-For: 192.0.2.1",
    ]);
    assert.equal(proxy.requests("app").at(-1)?.body, "secret body");
    assert.equal(upstreamSaw(proxy, "cookie"), "s=1", "the application has its cookies");
  });

  test("gets the path in the very spelling that the upstream gets", async (t) => {
    const proxy = await started(t, yes());
    for (const target of ["/a%2Fb", "/%61dmin", "/a//b", `/${"x".repeat(6000)}?${"y".repeat(1000)}`]) {
      assert.equal((await ask(proxy, lines(`GET ${target} HTTP/1.1`, "Host: a.test"))).status, 200);
      assert.ok(asked(proxy).includes(`X-Forwarded-Uri: ${target}`), target);
      assert.equal(proxy.requests("app").at(-1)?.target, target);
    }
  });

  test("is told nothing by a client but what the configuration names", async (t) => {
    const proxy = await started(t, yes(), {}, { top: { listeners: [{ address: "127.0.0.1:0", unsafe_field_names: "forward" }] } });
    const hostile = [
      "X-Forwarded-Method: HEAD",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: evil.test",
      "X-Forwarded-Uri: /public",
      "X-Forwarded-For: 10.0.0.1",
      "X_Forwarded_Uri: /public",
      "X.Forwarded.Uri: /public",
      "Forwarded: host=evil.test",
      "X-Original-URL: /public",
      "X-Real-IP: 10.0.0.1",
      "Remote-User: admin",
    ];
    const response = await ask(proxy, lines("GET /private HTTP/1.1", "Host: a.test", "Cookie: a=1", ...hostile));
    assert.equal(response.status, 200);
    assert.deepEqual(asked(proxy).slice(2), [
      "Cookie: a=1",
      "X-Forwarded-Method: GET",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: a.test",
      "X-Forwarded-Uri: /private",
      "X-Forwarded-For: 192.0.2.1",
    ]);
  });

  test("with send: all gets what would be forwarded, but nothing of the body, of the connection, of conditions", async (t) => {
    const proxy = await started(
      t,
      yes(),
      { send: "all", copy: ["Remote-User"] },
      { top: { listeners: [{ address: "127.0.0.1:0", unsafe_field_names: "forward" }] } },
    );
    const request = lines(
      "POST /p HTTP/1.1",
      "Host: a.test",
      "X-App: 1",
      "Remote_User: admin",
      "Remote-User: admin",
      "X_Forwarded_Uri: /public",
      "Connection: X-Hop, keep-alive",
      "X-Hop: 1",
      "TE: trailers",
      "Content-Type: text/plain",
      "Content-Encoding: gzip",
      "Transfer-Encoding: chunked",
      "Trailer: X-T",
      "Range: bytes=0-1",
      "If-None-Match: *",
      "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
      "Max-Forwards: 9",
      "Proxy-Authorization: Basic abc",
      "Proxy: http://evil.test",
      "Client-Cert: :AA:",
      "Cookie: a=1",
    );
    assert.equal((await ask(proxy, `${request}0\r\n\r\n`)).status, 200);
    assert.deepEqual(asked(proxy).slice(2, -5), ["X-App: 1", "Cookie: a=1"]);
  });

  test("does not get a field that Connection names, and such a one that everybody needs is refused before", async (t) => {
    const proxy = await started(t, yes(), { send: ["X-App-Token", "Cookie"] });
    await ask(proxy, lines("GET / HTTP/1.1", "Host: a.test", "X-App-Token: 1", "Connection: x-app-token"));
    assert.equal(
      asked(proxy).some((line) => line.startsWith("X-App-Token")),
      false,
    );
    assert.equal(upstreamSaw(proxy, "x-app-token"), null, "nor does the upstream");
    const refused = await ask(proxy, lines("GET / HTTP/1.1", "Host: a.test", "Cookie: a=1", "Connection: cookie"));
    assert.deepEqual([refused.status, proxy.requests(SERVICE).length], [400, 1]);
    const twice = await ask(proxy, lines("GET / HTTP/1.1", "Host: a.test", "Authorization: a", "Authorization: b"));
    assert.deepEqual([twice.status, proxy.requests(SERVICE).length], [400, 1]);
  });

  test("is told by trusted proxies who asked for what, and of an upstream by its name", async (t) => {
    const authentication = { forward: { upstream: "auth", path: "/check" } };
    const proxy = await testProxy(
      {
        trusted_proxies: ["192.0.2.0/24"],
        // What is asked is said on purpose, also to an upstream that is told nothing of clients otherwise.
        upstreams: { auth: { endpoints: ["http://auth.test"], x_forwarded: false } },
        routes: [{ upstream: "app", authentication }],
      },
      { upstreams: { app: () => new Response("in"), auth: yes() } },
    );
    t.after(() => proxy.close());
    const said = { "X-Forwarded-For": "203.0.113.9, 192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test" };
    assert.equal((await proxy.fetch("http://inner.test/p", { headers: { ...said, "X-Forwarded-Uri": "/public" } })).status, 200);
    const got = proxy.requests("auth").at(-1);
    assert.equal(got?.target, "/check");
    assert.deepEqual(
      ["proto", "host", "uri", "for"].map((name) => got?.headers.get(`x-forwarded-${name}`)),
      ["https", "shop.test", "/p", "203.0.113.9"],
    );
  });

  test("gets the fields of set, with variables, in the place of the client's", async (t) => {
    const proxy = await started(t, yes(), {
      send: "all",
      set: { "X-Original-URL": "{scheme}://{host}{uri}", "X-Key": "fixed", "X-None": "{header.X-Nothing}" },
    });
    await ask(proxy, lines("GET /a?b=c HTTP/1.1", "Host: a.test", "x-key: theirs", "X-None: theirs", "X-Original-URL: /public"));
    assert.deepEqual(asked(proxy).slice(2, -5), ["X-Original-URL: http://a.test/a?b=c", "X-Key: fixed"]);
  });
});

describe("an answer that lets in", () => {
  test("gives the upstream the fields of copy, and what the answer lacks comes from nobody, on no route", async (t) => {
    let fields: Record<string, string> = { "Remote-User": "alice", "Remote-Groups": "dev,ops", "X-Unasked": "1" };
    const proxy = await started(t, () => new Response(null, { headers: fields }), { copy: ["Remote-User", "Remote-Groups"] });
    const forged = { "Remote-User": "root", remote_user: "root", "Remote-Groups": "admins" };
    await proxy.fetch("http://a.test/", { headers: forged });
    assert.deepEqual(
      ["remote-user", "remote-groups", "x-unasked", "remote_user"].map((name) => upstreamSaw(proxy, name)),
      ["alice", "dev,ops", null, null],
    );
    fields = {};
    await proxy.fetch("http://a.test/", { headers: forged });
    assert.deepEqual(
      ["remote-user", "remote-groups"].map((name) => upstreamSaw(proxy, name)),
      [null, null],
    );
    await proxy.fetch("http://a.test/open", { headers: forged });
    assert.deepEqual(
      ["remote-user", "remote-groups"].map((name) => upstreamSaw(proxy, name)),
      [null, null],
    );
  });

  test("copies several lines, values in UTF-8 byte for byte, and no field that its Connection names", async (t) => {
    const head =
      "HTTP/1.1 200 OK\r\nRemote-User: Zo\xc3\xab\r\nX-G: a\r\nX-G: b\r\nX-Hop: 1\r\nConnection: X-Hop\r\nContent-Length: 0\r\n\r\n";
    const service = new MemoryOrigin({ onRequest: ({ connection }) => connection.send(Buffer.from(head, "latin1")) });
    const app = new MemoryOrigin();
    const proxy = await started(
      t,
      service.script,
      { copy: ["Remote-User", "X-G", "X-Hop"], user: "Remote-User" },
      {
        app: app.script,
        top: { logging: { access: { fields: ["user", "authentication_method"] } } },
        route: { authentication: { identity_headers: { user: "X-User" } } },
      },
    );
    await proxy.fetch("http://a.test/");
    const [request = assert.fail("nothing came")] = app.requests;
    for (const line of ["Remote-User: Zo\xc3\xab", "X-G: a\r\nX-G: b", "X-User: Zo\xc3\xab"])
      assert.ok(request.head.includes(`\r\n${line}\r\n`), line);
    assert.doesNotMatch(request.head, /X-Hop/i);
    assert.deepEqual([proxy.log.at(-1)?.["user"], proxy.log.at(-1)?.["authentication_method"]], ["Zo\u00eb", "forward"]);
  });

  test("gives fields other names, which are taken from clients then", async (t) => {
    const copy = { "X-User": "X-Auth-Request-User", "X-Mail": "X-None" };
    const proxy = await started(t, yes({ "X-Auth-Request-User": "alice" }), { copy });
    const names = ["X-User", "X-Mail", "X-Auth-Request-User"];
    await proxy.fetch("http://a.test/", { headers: Object.fromEntries(names.map((name) => [name, "root"])) });
    assert.deepEqual(
      names.map((name) => upstreamSaw(proxy, name)),
      ["alice", null, "root"],
    );
  });

  test("says who the client is, for require", async (t) => {
    let groups = "dev, ops";
    const proxy = await started(
      t,
      () => new Response(null, { headers: { "Remote-User": "alice", "Remote-Groups": groups } }),
      { user: "Remote-User", roles: "Remote-Groups" },
      { route: { require: { roles: ["ops"] } } },
    );
    assert.equal((await proxy.fetch("http://a.test/")).status, 200);
    groups = "dev";
    assert.equal((await proxy.fetch("http://a.test/")).status, 403);
  });

  test("may replace Authorization, which is taken from clients on this route only", async (t) => {
    let fields: Record<string, string> = { Authorization: "Bearer inner" };
    const proxy = await started(t, () => new Response(null, { headers: fields }), { copy: ["Authorization"] });
    const headers = { Authorization: "Bearer outer" };
    await proxy.fetch("http://a.test/", { headers });
    assert.ok(asked(proxy).includes("Authorization: Bearer outer"));
    assert.equal(upstreamSaw(proxy, "authorization"), "Bearer inner");
    fields = {};
    await proxy.fetch("http://a.test/", { headers });
    assert.equal(upstreamSaw(proxy, "authorization"), null);
    await proxy.fetch("http://a.test/open", { headers });
    assert.equal(upstreamSaw(proxy, "authorization"), "Bearer outer");
  });

  test("gives the client the fields of copy_response, cookies beside those of the upstream", async (t) => {
    const service = (): Response =>
      new Response(null, {
        headers: [
          ["Set-Cookie", "s=2; Path=/"],
          ["Set-Cookie", "t=3"],
          ["X-Level", "2"],
          ["X-Secret", "1"],
        ],
      });
    const app = (): Response => new Response("in", { headers: { "Set-Cookie": "app=1", "X-Level": "1" } });
    const proxy = await started(t, service, { copy_response: ["Set-Cookie", "X-Level"] }, { app });
    const response = await proxy.fetch("http://a.test/");
    assert.deepEqual(response.headers.getSetCookie(), ["app=1", "s=2; Path=/", "t=3"]);
    assert.deepEqual([response.headers.get("x-level"), response.headers.get("x-secret")], ["2", null]);
  });

  test("is needed only where no method before it has decided", async (t) => {
    const proxy = await started(
      t,
      yes({ "Remote-User": "alice" }),
      { copy: ["Remote-User", "Authorization"] },
      { route: { authentication: { tokens: ["key"] } } },
    );
    assert.equal((await proxy.fetch("http://a.test/", { headers: { "X-API-Key": "key" } })).status, 200);
    assert.equal((await proxy.fetch("http://a.test/", { headers: { "X-API-Key": "wrong" } })).status, 401);
    assert.equal(proxy.requests(SERVICE).length, 0);
    assert.equal(upstreamSaw(proxy, "remote-user"), null);
    // Nor does such a client speak in its place.
    assert.equal((await proxy.fetch("http://a.test/", { headers: { "X-API-Key": "key", Authorization: "Basic abc" } })).status, 200);
    assert.equal(upstreamSaw(proxy, "authorization"), null);
    assert.equal((await proxy.fetch("http://a.test/")).status, 200);
    assert.equal(upstreamSaw(proxy, "remote-user"), "alice");
  });

  test("lets in once: a body waits for it, and 100 (Continue) comes after it", async (t) => {
    const service = new MemoryOrigin({ onRequest: () => {} });
    const app = new MemoryOrigin({
      onHead: (_head, connection) => {
        connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        return false;
      },
    });
    const proxy = await started(t, service.script, {}, { app: app.script });
    const client = proxy.connect();
    client.send(lines("POST /up HTTP/1.1", "Host: a.test", "Content-Length: 4", "Expect: 100-continue"));
    await proxy.advance(1000);
    assert.equal(service.requests.length, 1);
    assert.doesNotMatch(service.requests[0]?.head ?? "", /expect|content-length/i);
    assert.deepEqual([client.received, app.received], ["", ""]);
    service.requests[0]?.connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    await client.until("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    const [, response] = await responses(client, 2);
    assert.equal(response?.status, 200);
    assert.equal(app.requests[0]?.body, "body");
  });

  test("lets a WebSocket through, and another answer does not", async (t) => {
    let status = 200;
    const service: TestOrigin = () => new Response(null, { status, headers: { "Remote-User": "alice" } });
    const app = script.raw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Saw: ${/remote-user: (\w+)/i.exec(connection.received)?.[1]}\r\n\r\n`,
      );
    });
    const proxy = await started(t, service, { copy: ["Remote-User"] }, { app });
    const upgrade = lines(
      "GET /ws HTTP/1.1",
      "Host: a.test",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: x",
      "Sec-WebSocket-Version: 13",
    );
    const client = proxy.connect();
    client.send(upgrade);
    await client.until("X-Saw: alice");
    assert.doesNotMatch(asked(proxy).join("\n"), /upgrade/i);
    client.close();
    status = 401;
    const refused = await ask(proxy, upgrade);
    assert.equal(refused.status, 401);
  });
});

describe("any other answer", () => {
  test("is the client's, with its fields and its body", async (t) => {
    const raw =
      "HTTP/1.1 302 Found\r\nLocation: https://login.test/?rd=%2F\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Hop: 1\r\nConnection: X-Hop\r\nKeep-Alive: timeout=5\r\nContent-Type: application/octet-stream\r\nContent-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\xff\x00\xe9\n\r\n0\r\nX-Trailer: 1\r\n\r\n";
    const service = new MemoryOrigin({ onRequest: ({ connection }) => connection.send(Buffer.from(raw, "latin1")) });
    const proxy = await started(t, service.script);
    const response = await ask(proxy, lines("POST / HTTP/1.1", "Host: a.test", "Content-Length: 2") + "hi");
    assert.equal(response.status, 302);
    const wanted = [
      "location: https://login.test/?rd=%2F",
      "set-cookie: a=1",
      "set-cookie: b=2",
      "content-type: application/octet-stream",
      "content-encoding: x",
      "content-length: 4",
      "cache-control: no-store",
    ];
    const got = response.head.split("\r\n").map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
    for (const line of wanted) assert.ok(got.includes(line), line);
    assert.doesNotMatch(response.head, /x-hop|keep-alive|transfer-encoding|x-trailer/i);
    assert.equal(response.body, "\xff\x00\xe9\n");
    assert.equal(proxy.requests("app").length, 0);
    assert.equal(proxy.log.at(-1)?.["outcome"], "refused_by_service");
    assert.equal(proxy.metrics.value("millrace_unauthorized_total"), 1);
  });

  test("has no body for HEAD, a type that nobody guesses, and a page of error_pages only where it has no body", async (t) => {
    let body: string | null = "<script>";
    const service: TestOrigin = () => {
      const response = new Response(body, { status: 401, headers: { "WWW-Authenticate": "Basic", "Cache-Control": "max-age=1" } });
      if (body === null) response.headers.set("Content-Type", "image/png");
      else response.headers.delete("content-type");
      return response;
    };
    const proxy = await started(t, service, {}, { route: { error_pages: { 401: { body: "log in" } } } });
    const page = await proxy.fetch("http://a.test/");
    assert.deepEqual(
      ["www-authenticate", "content-type", "cache-control"].map((name) => page.headers.get(name)),
      ["Basic", "text/plain; charset=utf-8", "max-age=1"],
    );
    assert.equal(await page.text(), "<script>");
    const head = await ask(proxy, lines("HEAD / HTTP/1.1", "Host: a.test"));
    assert.deepEqual([head.status, head.body], [401, ""]);
    body = null;
    const paged = await proxy.fetch("http://a.test/");
    assert.deepEqual([await paged.text(), paged.headers.get("content-type")], ["log in", "text/html; charset=utf-8"]);
  });
});

describe("the cache", () => {
  const CACHE = { for: "5s" } as const;

  test("lets the same request in again for a while, and no other", async (t) => {
    const proxy = await started(t, yes({ "Remote-User": "alice" }), { cache: CACHE, copy: ["Remote-User"] });
    const get = async (url: string, init: Parameters<TestProxy["fetch"]>[1] = {}): Promise<number> => {
      const before = proxy.requests(SERVICE).length;
      assert.equal((await proxy.fetch(url, init)).status, 200);
      assert.equal(upstreamSaw(proxy, "remote-user"), "alice");
      return proxy.requests(SERVICE).length - before;
    };
    const headers = { Cookie: "s=1" };
    assert.deepEqual(
      [await get("http://a.test/", { headers }), await get("http://a.test/", { headers: { ...headers, "X-Not-Sent": "1" } })],
      [1, 0],
    );
    assert.equal(await get("http://a.test/other", { headers }), 1);
    assert.equal(await get("http://b.test/", { headers }), 1);
    assert.equal(await get("http://a.test/", { headers, method: "DELETE" }), 1);
    assert.equal(await get("http://a.test/", { headers: { Cookie: "s=2" } }), 1);
    assert.equal(await get("http://a.test/", { headers: { ...headers, Authorization: "s=1" } }), 1);
    assert.equal(await get("http://a.test/", { headers, from: "192.0.2.2" }), 1);
    await proxy.advance("5s");
    assert.equal(await get("http://a.test/", { headers }), 1);
  });

  test("with a key looks at nothing else", async (t) => {
    const proxy = await started(t, yes(), { cache: { ...CACHE, key: ["Cookie", "authorization"] } });
    const get = (url: string, Cookie: string): Promise<Response> => proxy.fetch(url, { headers: { Cookie } });
    await get("http://a.test/", "s=1");
    await get("http://a.test/other", "s=1");
    assert.equal(proxy.requests(SERVICE).length, 1);
    await get("http://a.test/", "s=2");
    assert.equal(proxy.requests(SERVICE).length, 2);
  });

  test("keeps no refusal, and no answer that gives the client a cookie", async (t) => {
    let status = 401;
    const service = (): Response =>
      new Response(null, { status, headers: status === 200 ? { "Set-Cookie": `s=${proxy.requests(SERVICE).length}` } : {} });
    const proxy = await started(t, service, { cache: CACHE, copy_response: ["Set-Cookie"] });
    assert.equal((await proxy.fetch("http://a.test/")).status, 401);
    status = 200;
    assert.deepEqual(
      [(await proxy.fetch("http://a.test/")).headers.get("set-cookie"), (await proxy.fetch("http://a.test/")).headers.get("set-cookie")],
      ["s=2", "s=3"],
    );
  });
});
