/** The cache through the whole proxy: what is stored, used, validated and dropped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

const STORES = { pages: { type: "memory", max_size: "8MiB" } } as const;

type Answer = (request: Request, count: number) => Response | Promise<Response>;

interface Stage {
  readonly proxy: TestProxy;
  /** How many requests the application has got. */
  readonly count: () => number;
  ask(path?: string, init?: RequestInit): Promise<Response>;
}

async function started(
  t: TestContext,
  answer: Answer,
  cache: Partial<RouteInput["cache"]> = {},
  more: Partial<RouteInput> = {},
): Promise<Stage> {
  let count = 0;
  const proxy = await testProxy(
    { stores: STORES, routes: [{ upstream: "app", cache: { store: "pages", ...cache }, ...more }] },
    { upstreams: { app: (request) => answer(request, ++count) } },
  );
  t.after(() => proxy.close());
  return { proxy, count: () => count, ask: (path = "/", init = {}) => proxy.fetch(`http://a.test${path}`, init) };
}

function said(headers: Record<string, string>, body: string = "body", status: number = 200): Answer {
  return (_request, count) => new Response(`${body} ${count}`, { status, headers });
}

test("a fresh response is used again, with its age and what the cache did", async (t) => {
  const { proxy, ask, count } = await started(t, said({ "Cache-Control": "max-age=60", Age: "5" }));
  const first = await ask();
  assert.equal(first.headers.get("cache-status"), "millrace; fwd=uri-miss; stored");
  assert.equal(await first.text(), "body 1");
  await proxy.advance("10s");
  const second = await ask();
  assert.equal(await second.text(), "body 1");
  assert.equal(second.headers.get("age"), "15");
  assert.equal(second.headers.get("cache-status"), "millrace; hit; ttl=45");
  await proxy.advance("46s");
  const third = await ask();
  assert.equal(await third.text(), "body 2");
  assert.equal(third.headers.get("cache-status"), "millrace; fwd=stale; stored");
  assert.equal(count(), 2);
});

test("while it is refreshed a stale response is used, and one request asks for a new one", async (t) => {
  const asked: (string | null)[] = [];
  const { proxy, ask, count } = await started(t, (request, n) => {
    asked.push(request.headers.get("if-none-match"));
    return new Response(`body ${n}`, { headers: { "Cache-Control": "max-age=10, stale-while-revalidate=20", ETag: `"${n}"` } });
  });
  await ask();
  await proxy.advance("11s");
  for (let times = 0; times < 3; times++) {
    const stale = await ask();
    assert.equal(await stale.text(), "body 1");
    assert.equal(stale.headers.get("cache-status"), "millrace; hit; ttl=-1");
  }
  await proxy.advance("1s");
  assert.equal(count(), 2);
  assert.deepEqual(asked, [null, '"1"']);
  assert.equal(await (await ask()).text(), "body 2");
  await proxy.advance("31s");
  assert.equal(await (await ask()).text(), "body 3", "past the window the client waits");
});

test("a 304 updates the stored response, also in the background", async (t) => {
  const { proxy, ask, count } = await started(t, (request, n) => {
    const headers = { "Cache-Control": "max-age=10, stale-while-revalidate=20", ETag: '"x"', "X-Count": String(n) };
    return request.headers.has("if-none-match") ? new Response(null, { status: 304, headers }) : new Response("body", { headers });
  });
  await ask();
  await proxy.advance("11s");
  await ask();
  await proxy.advance("1s");
  const refreshed = await ask();
  assert.deepEqual([await refreshed.text(), refreshed.headers.get("x-count"), refreshed.headers.get("age")], ["body", "2", "0"]);
  await proxy.advance("60s");
  const validated = await ask();
  assert.deepEqual([validated.status, await validated.text(), validated.headers.get("x-count")], [200, "body", "3"]);
  assert.equal(validated.headers.get("cache-status"), "millrace; fwd=stale; fwd-status=304; ttl=10");
  const known = await ask("/", { headers: { "If-None-Match": '"x"' } });
  assert.equal(known.status, 304);
  assert.equal(count(), 3);
});

/** The application answers when it is told to. */
function held(): { readonly answer: Answer; readonly release: (headers?: Record<string, string>) => void } {
  const waiting: ((headers: Record<string, string>) => void)[] = [];
  return {
    answer: (_request, n) => new Promise((resolve) => waiting.push((headers) => resolve(new Response(`body ${n}`, { headers })))),
    release: (headers = { "Cache-Control": "max-age=60" }) => waiting.shift()?.(headers),
  };
}

test("equal requests wait for the first one; when it brings nothing that is stored, each asks by itself", async (t) => {
  const { answer, release } = held();
  const { proxy, ask, count } = await started(t, answer);
  const answers = [ask(), ask(), ask()];
  await proxy.advance("1ms");
  assert.equal(count(), 1);
  release();
  const bodies = await Promise.all(answers.map(async (each) => (await each).text()));
  assert.deepEqual(bodies, ["body 1", "body 1", "body 1"]);
  assert.equal((await answers[2])?.headers.get("cache-status"), "millrace; hit; ttl=59; collapsed");
  const others = [ask("/x"), ask("/x"), ask("/x")];
  await proxy.advance("1ms");
  assert.equal(count(), 2);
  release({ "Cache-Control": "no-store" });
  await proxy.advance("1ms");
  assert.equal(count(), 4);
  release({ "Cache-Control": "no-store" });
  release({ "Cache-Control": "no-store" });
  assert.deepEqual(await Promise.all(others.map(async (each) => (await each).text())), ["body 2", "body 3", "body 4"]);
});

test("whoever waits for a request that is given up, or takes too long, asks by itself", async (t) => {
  const { answer, release } = held();
  const { proxy, ask, count } = await started(t, answer, { coalesce: "2s" });
  const abort = new AbortController();
  const first = ask("/", { signal: abort.signal });
  first.catch(() => {});
  await proxy.advance("1ms");
  const second = ask();
  await proxy.advance("1ms");
  abort.abort();
  await proxy.advance("1ms");
  assert.equal(count(), 2);
  const third = ask();
  await proxy.advance("2100ms");
  await proxy.advance("1ms");
  assert.equal(count(), 3);
  for (let times = 0; times < 3; times++) release();
  assert.deepEqual([(await second).status, (await third).status], [200, 200]);
});

test("requests with credentials wait for nobody, and nobody for them; what they get is stored only where the origin says so", async (t) => {
  const { ask, count } = await started(t, (request, n) => {
    const open = new URL(request.url).pathname === "/open";
    return new Response(`body ${n}`, { headers: { "Cache-Control": open ? "public, max-age=60" : "max-age=60" } });
  });
  const headers = { Authorization: "Bearer x" };
  assert.equal(await (await ask("/", { headers })).text(), "body 1");
  assert.equal((await ask("/", { headers })).headers.get("cache-status"), "millrace; fwd=uri-miss; detail=authorization");
  assert.equal(await (await ask("/")).text(), "body 3");
  await ask("/open", { headers });
  assert.equal(await (await ask("/open")).text(), "body 4");
  assert.equal(count(), 4);
});

test("what a user whom the proxy knows gets is for nobody else, unless the key holds the user", async (t) => {
  const authentication = { tokens: ["t0ken-of-one"], optional: true };
  const whose: Answer = (_request, n) => new Response(`body ${n}`, { headers: { "Cache-Control": "max-age=60" } });
  const shared = await started(t, whose, {}, { authentication });
  const headers = { "X-API-Key": "t0ken-of-one" };
  assert.equal(await (await shared.ask("/", { headers })).text(), "body 1");
  assert.equal(await (await shared.ask("/")).text(), "body 2", "nothing was stored");
  assert.equal(await (await shared.ask("/", { headers })).text(), "body 3", "and what others get is not for the user");
  assert.equal(await (await shared.ask("/")).text(), "body 2");
  const own = await started(t, whose, { key: { user: true } }, { authentication });
  assert.equal(await (await own.ask("/", { headers })).text(), "body 1");
  assert.equal(await (await own.ask("/")).text(), "body 2");
  assert.equal(await (await own.ask("/", { headers })).text(), "body 1");
  assert.equal(await (await own.ask("/")).text(), "body 2");
});

test("variants: by Vary, by fields and cookies of the key; the oldest makes room; all go together", async (t) => {
  const varies: Answer = (request, n) =>
    new Response(request.method === "PUT" ? null : `body ${n}`, {
      status: request.method === "PUT" ? 204 : 200,
      headers: { "Cache-Control": "max-age=60", Vary: "X-A" },
    });
  const { ask } = await started(t, varies, { key: { cookies: ["lang"] }, vary_limit: 2 });
  const body = async (a: string, lang: string): Promise<string> =>
    (await ask("/", { headers: { "X-A": a, Cookie: `x=1; lang=${lang}` } })).text();
  assert.deepEqual([await body("1", "de"), await body("1", "en"), await body("1", "de")], ["body 1", "body 2", "body 1"]);
  assert.equal(await body("2", "de"), "body 3");
  assert.deepEqual([await body("1", "en"), await body("1", "de")], ["body 2", "body 4"]);
  await ask("/", { method: "PUT", body: "x" });
  assert.equal(await body("1", "en"), "body 6");
});

test("the query chooses a response, or only the parameters that the key has", async (t) => {
  const answer = said({ "Cache-Control": "max-age=60" });
  const { ask } = await started(t, answer, { key: { query: { ignore: ["utm_*", "fbclid"] } } });
  const body = async (path: string): Promise<string> => (await ask(path)).text();
  assert.equal(await body("/?a=1&utm_source=x"), "body 1");
  assert.equal(await body("/?utm_medium=y&a=1&fbclid=z"), "body 1");
  assert.equal(await body("/?a=2"), "body 2");
  assert.equal(await body("/?%75tm_source=1&a=2"), "body 2");
  const only = await started(t, answer, { key: { query: { allow: ["page"] } } });
  assert.equal(await (await only.ask("/?page=1&x=1")).text(), "body 1");
  assert.equal(await (await only.ask("/?y=1&page=1")).text(), "body 1");
  assert.equal(await (await only.ask("/?page=2")).text(), "body 2");
});

test("spellings of one path, methods, bodies and hosts are keys of their own", async (t) => {
  const { ask, proxy, count } = await started(t, said({ "Cache-Control": "max-age=60" }));
  for (const path of ["/a/b", "/a%2fb", "/a//b", "/a/b/", "/A/b", "/a/b;x"]) await ask(path);
  assert.equal(count(), 6);
  assert.equal((await ask("/a/b", { method: "POST", body: "x" })).headers.get("cache-status"), "millrace; fwd=method");
  await proxy.fetch("http://b.test/a/b");
  assert.equal(count(), 8);
  const fat = await ask("/a%2fb", { headers: { "Content-Length": "0" } });
  assert.equal(fat.headers.get("cache-status"), "millrace; hit; ttl=60");
});

test("an invalidating method drops the target, and Location only on the same host", async (t) => {
  const { ask } = await started(t, (request, n) => {
    if (request.method === "GET") return new Response(`body ${n}`, { headers: { "Cache-Control": "max-age=60" } });
    const fails = new URL(request.url).searchParams.has("fails");
    return new Response(null, { status: fails ? 500 : 201, headers: { Location: "/b", "Content-Location": "http://other.test/c" } });
  });
  const body = async (path: string): Promise<string> => (await ask(path)).text();
  const before = [await body("/a"), await body("/b"), await body("/c")];
  await ask("/a?fails", { method: "POST", body: "x" });
  assert.deepEqual([await body("/a"), await body("/b"), await body("/c")], before);
  for (const method of ["PATCH", "DELETE"]) await ask("/a", { method });
  const after = [await body("/a"), await body("/b"), await body("/c")];
  assert.deepEqual([after[0] !== before[0], after[1] !== before[1], after[2] === before[2]], [true, true, true]);
});

test("cookies are not stored unless asked for; other fields that are of one hop never", async (t) => {
  const answer = said({ "Cache-Control": "max-age=60", "Set-Cookie": "a=b", Connection: "X-Hop", "X-Hop": "1", "X-End": "1" });
  const plain = await started(t, answer);
  await plain.ask();
  assert.equal((await plain.ask()).headers.get("cache-status"), "millrace; fwd=uri-miss; detail=set-cookie");
  const { ask } = await started(t, answer, { store_cookies: true });
  await ask();
  const { headers } = await ask();
  assert.deepEqual([headers.get("set-cookie"), headers.get("x-hop"), headers.get("x-end")], ["a=b", null, "1"]);
});

test("ranges come out of the whole; HEAD and conditions too", async (t) => {
  const { ask, count } = await started(t, () => new Response("0123456789", { headers: { "Cache-Control": "max-age=60", ETag: '"v"' } }));
  await ask();
  const part = await ask("/", { headers: { Range: "bytes=2-4" } });
  assert.deepEqual([part.status, await part.text(), part.headers.get("content-range")], [206, "234", "bytes 2-4/10"]);
  assert.equal((await ask("/", { headers: { Range: "bytes=20-" } })).status, 416);
  assert.equal(await (await ask("/", { headers: { Range: "bytes=2-4", "If-Range": '"other"' } })).text(), "0123456789");
  const head = await ask("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "10", ""]);
  assert.equal((await ask("/", { headers: { "If-None-Match": 'W/"v"' } })).status, 304);
  assert.equal((await ask("/", { headers: { "If-None-Match": '"w"' } })).status, 200);
  assert.equal(count(), 1);
  assert.equal((await ask("/", { headers: { "If-Match": '"v"' } })).status, 200);
  assert.equal(count(), 2, "conditions for the origin go to the origin");
});

test("a stale response is used on errors only where that is allowed", async (t) => {
  let fails = false;
  const answer: Answer = (request, n) => {
    if (fails) return new Response("broken", { status: 503 });
    const more = new URL(request.url).pathname === "/strict" ? ", must-revalidate" : "";
    return new Response(`body ${n}`, { headers: { "Cache-Control": `max-age=10${more}` } });
  };
  const { proxy, ask } = await started(t, answer, { stale_if_error: "1h" });
  await ask("/");
  await ask("/strict");
  fails = true;
  await proxy.advance("11s");
  const stale = await ask("/");
  assert.deepEqual([stale.status, await stale.text()], [200, "body 1"]);
  assert.equal(stale.headers.get("cache-status"), "millrace; fwd=stale; fwd-status=503; ttl=-1");
  assert.equal((await ask("/strict")).status, 503);
  await proxy.advance("1h");
  assert.equal((await ask("/")).status, 503);
});

test("only-if-cached and no-store of clients count always, others only when they are obeyed", async (t) => {
  const { ask, count } = await started(t, said({ "Cache-Control": "max-age=60" }));
  const asking = async (value: string): Promise<Response> => ask("/", { headers: { "Cache-Control": value } });
  assert.equal((await asking("only-if-cached")).status, 504);
  await asking("no-store");
  assert.equal((await asking("only-if-cached")).status, 504);
  await ask();
  assert.equal((await asking("only-if-cached")).status, 200);
  for (const value of ["no-cache", "max-age=0", "min-fresh=1000"]) assert.equal(await (await asking(value)).text(), "body 2", value);
  assert.equal(count(), 2);
  const obeying = await started(t, said({ "Cache-Control": "max-age=60" }), { obey_clients: true });
  await obeying.ask();
  assert.equal(await (await obeying.ask("/", { headers: { "Cache-Control": "no-cache" } })).text(), "body 2");
  assert.equal(await (await obeying.ask("/", { headers: { Pragma: "no-cache" } })).text(), "body 3");
});

test("metrics and log say what the cache has done", async (t) => {
  const proxy = await testProxy(
    { stores: STORES, routes: [{ upstream: "app", cache: { store: "pages" } }], logging: { access: { fields: ["standard", "cache"] } } },
    {
      upstreams: {
        app: (request) =>
          request.headers.has("if-none-match")
            ? new Response(null, { status: 304 })
            : new Response("body", { headers: { "Cache-Control": "max-age=10", ETag: '"x"' } }),
      },
    },
  );
  t.after(() => proxy.close());
  const ask = (init: RequestInit = {}): Promise<Response> => proxy.fetch("http://a.test/", init);
  await ask();
  await ask();
  await proxy.advance("11s");
  await ask();
  await ask({ method: "OPTIONS" });
  assert.deepEqual(
    proxy.log.filter(({ event }) => event === "access").map((line) => line["cache"]),
    ["fwd=uri-miss; stored", "hit; ttl=10", "fwd=stale; fwd-status=304; ttl=10", "fwd=method"],
  );
  const counted = ["misses", "hits", "revalidated", "bypassed", "stale_hits"].map((each) =>
    proxy.metrics.value(`millrace_cache_${each}_total`),
  );
  assert.deepEqual(counted, [1, 1, 1, 1, 0]);
});

test("a response that is cut is not stored, and its client sees it", async (t) => {
  const { ask, count } = await started(t, (_request, n) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from("half"));
        if (n > 1) controller.close();
      },
      pull(controller) {
        if (n === 1) controller.error(new Error("the origin dies"));
      },
    });
    return new Response(body, { headers: { "Cache-Control": "max-age=60" } });
  });
  await assert.rejects(async () => (await ask()).text());
  assert.equal(await (await ask()).text(), "half");
  assert.equal(count(), 2);
  assert.equal((await ask()).headers.get("cache-status"), "millrace; hit; ttl=60");
});

test("with the user in the key, an Authorization that the proxy has not judged still makes a response personal", async (t) => {
  const { ask } = await started(t, said({ "Cache-Control": "max-age=60" }), { key: { user: true } });
  assert.equal(await (await ask("/", { headers: { Authorization: "Bearer a" } })).text(), "body 1");
  assert.equal(await (await ask("/")).text(), "body 2");
  assert.equal(await (await ask("/", { headers: { Authorization: "Bearer b" } })).text(), "body 2", "what was stored without is for all");
});

test("Vary by a field in which the proxy tells who the client is keeps users apart", async (t) => {
  const authentication = { tokens: ["t0ken-of-one", "t0ken-of-two"], identity_headers: { user: "X-User" } };
  const { ask } = await started(t, said({ "Cache-Control": "public, max-age=60", Vary: "X-User" }), {}, { authentication });
  const body = async (token: string): Promise<string> => (await ask("/", { headers: { "X-API-Key": token } })).text();
  assert.deepEqual([await body("t0ken-of-one"), await body("t0ken-of-two")], ["body 1", "body 2"]);
  const open = await started(t, said({ "Cache-Control": "public, max-age=60", Vary: "Accept-Encoding" }), {}, { authentication });
  const shared = async (token: string): Promise<string> => (await open.ask("/", { headers: { "X-API-Key": token } })).text();
  assert.deepEqual([await shared("t0ken-of-one"), await shared("t0ken-of-two")], ["body 1", "body 1"]);
});

test("without waiting for others, each asks by itself, and a stale response is still refreshed once", async (t) => {
  const { answer, release } = held();
  const { proxy, ask, count } = await started(t, answer, { coalesce: 0, stale_while_revalidate: "1m" });
  const first = [ask(), ask()];
  await proxy.advance("1ms");
  assert.equal(count(), 2);
  release({ "Cache-Control": "max-age=10" });
  release({ "Cache-Control": "max-age=10" });
  await Promise.all(first);
  await proxy.advance("11s");
  for (let times = 0; times < 5; times++) await ask();
  await proxy.advance("1s");
  assert.equal(count(), 3);
});

test("a body above max_object is not stored, whether its length is said or not, and passes whole", async (t) => {
  const body = "x".repeat(5000);
  const { ask, count } = await started(
    t,
    (request) => {
      const pieces = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < body.length; at += 500) controller.enqueue(Buffer.from(body.slice(at, at + 500)));
          controller.close();
        },
      });
      const isSaid = new URL(request.url).pathname === "/said";
      return new Response(isSaid ? body : pieces, { headers: { "Cache-Control": "max-age=60" } });
    },
    { max_object: 4000 },
  );
  for (const path of ["/said", "/said", "/not", "/not"]) assert.equal(await (await ask(path)).text(), body);
  assert.equal(count(), 4);
});

test("the sides of a split have responses of their own", async (t) => {
  const from =
    (side: string): (() => Response) =>
    () =>
      new Response(side, { headers: { "Cache-Control": "max-age=60" } });
  const proxy = await testProxy(
    {
      stores: STORES,
      routes: [
        {
          split: [
            { upstream: "app", weight: 1 },
            { upstream: "next", weight: 1 },
          ],
          split_by: { header: "X-User" },
          cache: { store: "pages" },
        },
      ],
    },
    { upstreams: { app: from("app"), next: from("next") } },
  );
  t.after(() => proxy.close());
  const side = async (user: number): Promise<string> => (await proxy.fetch("http://a.test/", { headers: { "X-User": `u${user}` } })).text();
  const users = Array.from({ length: 16 }, (_, user) => user);
  const first: string[] = [];
  for (const user of users) first.push(await side(user));
  assert.deepEqual([...new Set(first)].sort(), ["app", "next"]);
  for (const user of users) assert.equal(await side(user), first[user]);
  assert.deepEqual([proxy.requests("app").length, proxy.requests("next").length], [1, 1]);
});
