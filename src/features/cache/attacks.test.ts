/** Attacks on the cache through the whole proxy: what one client, or one response, must not do to others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

type Answer = (request: Request, count: number) => Response;

interface Stage {
  readonly proxy: TestProxy;
  ask(path?: string, init?: RequestInit): Promise<Response>;
  text(path?: string, headers?: Record<string, string>): Promise<string>;
}

async function started(t: TestContext, answer: Answer, cache: Partial<RouteInput["cache"]> = {}): Promise<Stage> {
  let count = 0;
  const proxy = await testProxy(
    { stores: { pages: { type: "memory", max_size: "8MiB" } }, routes: [{ upstream: "app", cache: { store: "pages", ...cache } }] },
    { upstreams: { app: (request) => answer(request, ++count) } },
  );
  t.after(() => proxy.close());
  const ask: Stage["ask"] = (path = "/", init = {}) => proxy.fetch(`http://a.test${path}`, init);
  return { proxy, ask, text: async (path, headers = {}) => (await ask(path, { headers })).text() };
}

test("what a 304 brings for one client alone is not stored for others", async (t) => {
  for (const own of [{ "Set-Cookie": "session=of-one" }, { "Cache-Control": "private, max-age=60" }, { "Cache-Control": "no-store" }]) {
    const { proxy, ask } = await started(t, (request) => {
      const headers = { "Cache-Control": "max-age=10", ETag: '"x"' };
      if (!request.headers.has("if-none-match")) return new Response("body", { headers });
      return new Response(null, { status: 304, headers: { ...headers, ...own, "X-Own": "of-one" } });
    });
    await ask();
    await proxy.advance("11s");
    const first = await ask();
    assert.deepEqual([first.status, await first.text(), first.headers.get("x-own")], [200, "body", "of-one"]);
    await proxy.advance("1s");
    const { headers } = await ask("/", { headers: { "Cache-Control": "only-if-cached" } });
    assert.deepEqual([headers.get("set-cookie"), headers.get("x-own")], [null, null], JSON.stringify(own));
  }
});

test("a 304 for a client with credentials changes nothing of what others get", async (t) => {
  const { proxy, ask } = await started(t, (request, n) => {
    const headers = { "Cache-Control": "max-age=10", ETag: '"x"', "X-Own": request.headers.get("authorization") ?? "nobody" };
    return request.headers.has("if-none-match") ? new Response(null, { status: 304, headers }) : new Response(`body ${n}`, { headers });
  });
  await ask();
  await proxy.advance("11s");
  assert.equal((await ask("/", { headers: { Authorization: "Bearer one" } })).headers.get("x-own"), "Bearer one");
  assert.equal((await ask("/")).headers.get("x-own"), "nobody");
});

test("a response to HEAD does not bring cookies into what is stored", async (t) => {
  const { proxy, ask } = await started(
    t,
    ({ method }) => {
      const headers = { "Cache-Control": "max-age=10", ETag: '"x"' };
      return new Response(method === "HEAD" ? null : "body", {
        headers: method === "HEAD" ? { ...headers, "Content-Length": "4", "Set-Cookie": "session=of-one" } : headers,
      });
    },
    {},
  );
  await ask();
  await proxy.advance("11s");
  await ask("/", { method: "HEAD" });
  assert.equal((await ask("/")).headers.get("set-cookie"), null);
});

test("a field that Connection names chooses nothing, because the upstream does not get it", async (t) => {
  const { proxy, text } = await started(
    t,
    ({ headers }) =>
      new Response(`tenant ${headers.get("x-tenant")}, language ${headers.get("accept-language")}.`, {
        headers: { "Cache-Control": "max-age=60", Vary: "Accept-Language" },
      }),
    { key: { headers: ["X-Tenant"] } },
  );
  const connection = proxy.connect();
  connection.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Tenant: a\r\nAccept-Language: de\r\nConnection: x-tenant, Accept-Language\r\n\r\n");
  await connection.until("tenant null, language null.");
  connection.end();
  assert.equal(await text("/", { "X-Tenant": "a", "Accept-Language": "de" }), "tenant a, language de.");
});

test("an error that the request of one client has brought about is not stored for others", async (t) => {
  for (const status of [406, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431]) {
    const { ask } = await started(t, ({ headers }) => {
      const cached = { "Cache-Control": "max-age=60", "X-Odd": "" };
      return headers.has("x-odd") ? new Response("no", { status, headers: cached }) : new Response("body", { headers: cached });
    });
    assert.equal((await ask("/", { headers: { "X-Odd": "1", Range: "bytes=999-" } })).status, status);
    assert.equal((await ask("/")).status, 200, String(status));
  }
});

test("a request field whose name is that of a part of the key is only a field", async (t) => {
  const { text } = await started(
    t,
    ({ headers }) => new Response(`for ${headers.get("user")}`, { headers: { "Cache-Control": "max-age=60", Vary: "User" } }),
    {},
  );
  assert.equal(await text("/", { User: "a" }), "for a");
  assert.equal(await text("/", { User: "b" }), "for b");
});

test("what an upstream may read otherwise than the key has it chooses a response of its own", async (t) => {
  const { text } = await started(
    t,
    ({ url, headers }) => new Response(`${url} ${headers.get("cookie")}`, { headers: { "Cache-Control": "max-age=60" } }),
    {
      key: { query: { ignore: ["utm_*"] }, cookies: ["lang"] },
    },
  );
  await text("/?a=1&utm_x=2;a=evil");
  assert.equal(await text("/?a=1"), "http://a.test/?a=1 null");
  await text("/c", { Cookie: "lang=de; lang=evil" });
  assert.equal(await text("/c", { Cookie: "lang=de" }), "http://a.test/c lang=de");
  await text("/d", { Cookie: 'lang="de"' });
  assert.equal(await text("/d", { Cookie: "lang=de" }), "http://a.test/d lang=de");
});

test("a response that was dropped stays so, though the fields by which the target differs have changed meanwhile", async (t) => {
  let vary = "X-Side";
  const { ask, text } = await started(
    t,
    (_request, n) => new Response(`body ${n}`, { headers: { "Cache-Control": "max-age=60", Vary: vary } }),
  );
  const [a, b] = [{ "X-Side": "a" }, { "X-Side": "b" }];
  assert.equal(await text("/", a), "body 1");
  vary = "";
  assert.equal(await text("/", b), "body 2", "takes the place of the list of responses");
  await ask("/", { method: "POST" });
  vary = "X-Side";
  assert.equal(await text("/", b), "body 4");
  assert.equal(await text("/", a), "body 5");
});

test("a response that is under way when its target is dropped is not stored beside others", async (t) => {
  const { proxy, ask, text } = await started(t, (request, n) => {
    const headers = { "Cache-Control": "max-age=60", Vary: "X-Side" };
    if (request.headers.get("x-side") !== "slow") return new Response(`body ${n}`, { headers });
    const body = new ReadableStream({
      start: (controller) => void endings.push(() => (controller.enqueue(Buffer.from(`body ${n}`)), controller.close())),
    });
    return new Response(body, { headers });
  });
  const endings: (() => void)[] = [];
  await text("/", { "X-Side": "a" });
  const slow = ask("/", { headers: { "X-Side": "slow" } });
  await proxy.advance("1ms");
  await ask("/", { method: "POST" });
  for (const end of endings) end();
  assert.equal(await (await slow).text(), "body 2");
  const again = ask("/", { headers: { "X-Side": "slow" } });
  await proxy.advance("1ms");
  for (const end of endings.slice(1)) end();
  assert.equal(await (await again).text(), "body 4");
});

test("fields by which frameworks act on another method, or believe another host, go past the store", async (t) => {
  const { ask, text } = await started(t, (request, n) => {
    const odd = ["x-http-method-override", "x-http-method", "x-method-override"].some((name) => request.headers.has(name));
    const host = ["x-forwarded-server", "x-host", "x-original-host", "x-http-host-override", "x-forwarded-scheme"]
      .map((name) => request.headers.get(name) ?? "")
      .join("");
    return new Response(`${n} ${host}`, { status: odd ? 405 : 200, headers: { "Cache-Control": "max-age=60" } });
  });
  for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
    assert.equal((await ask("/", { headers: { [name]: "PUT" } })).headers.get("cache-status"), "millrace; fwd=bypass", name);
  for (const name of ["X-Forwarded-Server", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Forwarded-Scheme"])
    assert.equal((await ask("/", { headers: { [name]: "evil" } })).headers.get("cache-status"), "millrace; fwd=bypass", name);
  assert.equal(await text(), "9 ");
  assert.equal(await text("/", { "X-Host": "evil" }), "10 evil", "nor are they answered from it");
  assert.equal(await text(), "9 ");
});

test("a response that differs by what the proxy says of clients is for one of them", async (t) => {
  const { proxy } = await started(
    t,
    (request) =>
      new Response(`for ${request.headers.get("x-forwarded-for") ?? ""}`, {
        headers: { "Cache-Control": "max-age=60", Vary: "X-Forwarded-For" },
      }),
  );
  for (const from of ["192.0.2.1", "192.0.2.2"]) assert.equal(await (await proxy.fetch("http://a.test/", { from })).text(), `for ${from}`);
});
