/** `mirror` through a whole proxy: what the copies are like, and that nothing of what becomes of them reaches the client. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { Buffer } from "node:buffer";
import { defineMiddleware } from "../../millrace.ts";
import type { BodyStage, ExchangeState, MiddlewareHooks } from "../../millrace.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestOrigin, TestProxy } from "../../testing/test-proxy.ts";

type Parts = Readonly<Record<string, unknown>>;
const TICK = "50ms";

async function proxyWith(t: TestContext, shadow: TestOrigin, mirror: Parts = {}, route: Parts = {}, more: Parts = {}): Promise<TestProxy> {
  const app = async (request: Request): Promise<Response> =>
    new Response(`app got ${(await request.text()).length}`, { headers: { "X-A": "1" } });
  const next = JSON.stringify(route).includes('"next"') ? { next: app } : {};
  const proxy = await testProxy(
    {
      upstreams: { app: { endpoints: ["http://app.test"] }, shadow: { endpoints: ["http://shadow.test"] } },
      ...more,
      routes: [{ name: "r", upstream: "app", mirror: { upstream: "shadow", ...mirror }, ...route }],
    },
    { upstreams: { app, shadow, ...next } },
  );
  t.after(() => proxy.close());
  return proxy;
}

const counts = (proxy: TestProxy): number[] =>
  ["millrace_requests_mirrored_total", "millrace_mirrors_dropped_total"].map((name) => proxy.metrics.value(name));

const ok = (): Response => new Response("thrown away");

describe("a copy", () => {
  test("is what the route's upstream gets, as if the other upstream were the route's", async (t) => {
    const proxy = await proxyWith(
      t,
      ok,
      {},
      {
        rewrite: { strip_prefix: "/api", host: "upstream" },
        request_headers: { set: { "X-Of": "route {path}" } },
        request_id: { header: "X-Request-Id" },
      },
      {
        upstreams: {
          app: { endpoints: ["http://app.test"], request_headers: { set: { "X-Key": "of app" } } },
          shadow: { endpoints: ["http://shadow.test"], request_headers: { set: { "X-Shadow": "1" } } },
        },
      },
    );
    const response = await proxy.fetch("http://a.test/api/x?q=1", {
      method: "POST",
      body: "some body",
      headers: { Cookie: "a=1", Expect: "100-continue" },
    });
    assert.equal(await response.text(), "app got 9");
    await proxy.advance(TICK);
    const [first = assert.fail("app got nothing")] = proxy.requests("app");
    const [copy = assert.fail("shadow got nothing")] = proxy.requests("shadow");
    assert.deepEqual([copy.method, copy.target], ["POST", "/x?q=1"]);
    assert.equal(copy.body, "some body");
    const fields = ["host", "x-of", "cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix", "via", "x-request-id"];
    const values = (of: typeof copy): unknown[] => fields.map((name) => of.headers.get(name));
    assert.deepEqual(values(copy), values(first).with(0, "shadow.test"));
    assert.deepEqual(
      ["x-key", "x-shadow", "x-mirrored", "expect", "content-length"].map((name) => copy.headers.get(name)),
      [null, "1", "true", null, "9"],
    );
    assert.deepEqual([first.headers.get("x-key"), first.headers.get("x-mirrored"), first.headers.get("x-shadow")], ["of app", null, null]);
    assert.deepEqual(counts(proxy), [1, 0]);
    assert.equal(proxy.log.filter(({ event }) => event === "access").length, 1, "copies are not logged as requests of clients");
    assert.equal(proxy.metrics.value("millrace_requests_total"), 1);
    assert.equal(proxy.metrics.value("millrace_exchanges_in_flight"), 0);
  });

  test("has the whole body, however it came, and whatever it was framed by", async (t) => {
    const proxy = await proxyWith(t, ok);
    const client = proxy.connect();
    client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    await proxy.advance(TICK);
    client.send("4\r\ntwo!\r\n5\r\nthr");
    await proxy.advance(TICK);
    assert.equal(proxy.requests("shadow").length, 0, "not before the request is complete");
    client.send("ee\r\n0\r\n\r\n");
    await client.until("app got 12");
    await proxy.advance(TICK);
    const [copy = assert.fail("nothing came")] = proxy.requests("shadow");
    assert.deepEqual([copy.body, copy.headers.get("content-length"), copy.headers.get("transfer-encoding")], ["onetwo!three", "12", null]);
  });

  test("goes out in the order in which the requests came", async (t) => {
    const proxy = await proxyWith(t, ok);
    const paths = ["/1", "/2", "/3", "/4"];
    for (const path of paths) await proxy.fetch(`http://a.test${path}`);
    await proxy.advance(TICK);
    assert.deepEqual(
      proxy.requests("shadow").map(({ target }) => target),
      paths,
    );
  });

  test("of a body that is sent again has each byte once", async (t) => {
    const retried = await testProxy(
      {
        upstreams: { shadow: { endpoints: ["http://shadow.test"] } },
        routes: [{ upstream: "app", mirror: { upstream: "shadow" } }],
      },
      { upstreams: { app: [script.refuse(), async (request): Promise<Response> => new Response(await request.text())], shadow: ok } },
    );
    t.after(() => retried.close());
    for (let at = 0; at < 4; at++)
      assert.equal(await (await retried.fetch("http://a.test/", { method: "PUT", body: "0123456789" })).text(), "0123456789");
    await retried.advance(TICK);
    assert.deepEqual(
      retried.requests("shadow").map(({ body }) => body),
      Array.from({ length: 4 }, () => "0123456789"),
    );
  });

  test("is not made of requests that no endpoint gets, nor of upgrades", async (t) => {
    const proxy = await proxyWith(t, ok, {}, { authentication: { tokens: ["t"] } });
    assert.equal((await proxy.fetch("http://a.test/")).status, 401);
    const client = proxy.connect();
    client.send(
      "GET /ws HTTP/1.1\r\nHost: a.test\r\nX-API-Key: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    );
    await client.until("app got");
    await proxy.advance(TICK);
    assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [0, 0, 0]);
  });

  test("is made of a share of the requests", async (t) => {
    // The random numbers of tests are 0.5.
    for (const [share, copies] of [
      ["0%", 0],
      ["50%", 0],
      ["50.1%", 1],
      ["100%", 1],
    ] as const) {
      const proxy = await proxyWith(t, ok, { share });
      await proxy.fetch("http://a.test/");
      await proxy.advance(TICK);
      assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [copies, copies, 0], share);
    }
  });

  test("of a split goes along with every side", async (t) => {
    const proxy = await proxyWith(
      t,
      ok,
      {},
      {
        upstream: undefined,
        split: [
          { upstream: "app", weight: 1 },
          { upstream: "next", weight: 1 },
        ],
        split_by: { header: "X-Key" },
      },
      {
        upstreams: {
          app: { endpoints: ["http://app.test"] },
          next: { endpoints: ["http://next.test"] },
          shadow: { endpoints: ["http://shadow.test"] },
        },
      },
    );
    for (let at = 0; at < 8; at++) await proxy.fetch("http://a.test/", { headers: { "X-Key": `${at}` } });
    await proxy.advance(TICK);
    assert.equal(proxy.requests("shadow").length, 8);
  });
});

describe("middleware of one's own", () => {
  const withHooks = async (t: TestContext, setup: (state: ExchangeState<string>) => MiddlewareHooks): Promise<TestProxy> => {
    const own = defineMiddleware({ name: "own", setup: (_options, context) => setup(context.state<string>()) })();
    return await proxyWith(t, ok, {}, { middleware: [own] });
  };

  test("edits the copy as it edits the request, with what it has kept for it", async (t) => {
    const seen: string[] = [];
    const upperCase = (): BodyStage => {
      let write = (_bytes: Buffer): void => {};
      let end = (): void => {};
      return {
        length: -1,
        start: (output) => {
          write = (bytes) => output.write(bytes);
          end = () => output.end(null);
        },
        data: (bytes, from, to) => write(Buffer.from(bytes.toString("latin1", from, to).toUpperCase(), "latin1")),
        end: () => end(),
      };
    };
    const proxy = await withHooks(t, (state) => ({
      onRequest: (exchange) => {
        state.keep(exchange, "ann");
        return null;
      },
      onUpstreamRequest: (exchange, request) => {
        request.set("X-User", state.of(exchange) ?? "nobody");
        request.setTarget("/set");
        return upperCase();
      },
      onResponse: (_exchange, response) => void seen.push(`response ${response.status}`),
      onFinish: ({ status }) => void seen.push(`finish ${status}`),
    }));
    await proxy.fetch("http://a.test/", { method: "POST", body: "body" });
    await proxy.advance(TICK);
    for (const upstream of ["app", "shadow"]) {
      const [got = assert.fail(`${upstream} got nothing`)] = proxy.requests(upstream);
      assert.deepEqual([got.target, got.headers.get("x-user"), got.body], ["/set", "ann", "BODY"], upstream);
    }
    assert.deepEqual(seen, ["response 200", "finish 200"], "of a copy only the request is seen");
  });

  test("that throws for a copy changes nothing for the client", async (t) => {
    const proxy = await withHooks(t, () => ({
      onUpstreamRequest: ({ original = null }) => {
        if (original !== null) throw new Error("not for copies");
      },
    }));
    assert.equal((await proxy.fetch("http://a.test/")).status, 200);
    await proxy.advance(TICK);
    assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [0, 0, 1]);
    assert.equal(proxy.log.filter(({ event }) => event === "middleware_failed").length, 1);
  });
});

describe("the client gets the same at the same time, whatever the other upstream does", () => {
  const endless = script.raw(async (connection) => {
    await connection.until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    for (let at = 0; at < 100; at++) connection.send("x".repeat(32 * 1024));
    await connection.untilEnded();
  });
  const deaf = script.raw(async (connection) => {
    connection.pause();
    await connection.untilEnded();
  });
  const garbled = script.raw(async (connection) => {
    await connection.until("\r\n\r\n");
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
    await connection.untilEnded();
  });
  for (const [what, shadow, mirrored] of [
    ["it answers", ok, 1],
    ["it answers 503", () => new Response("no", { status: 503 }), 1],
    ["it refuses connections", script.refuse(), 0],
    ["its name is unknown", script.unknownName(), 0],
    ["it lets connects wait", script.silent(), 0],
    ["it says nothing", script.stall(), 0],
    ["it resets before its answer", script.resetAfter(0, ok), 0],
    ["it resets within its answer", script.resetAfter(30, ok), 0],
    ["it reads nothing", deaf, 0],
    ["its answer has no end", endless, 1],
    ["it switches protocols", garbled, 0],
    [
      "it answers with a malformed head",
      script.raw(async (connection) => {
        await connection.until("\r\n\r\n");
        connection.send("nonsense\r\n\r\n");
        await connection.untilEnded();
      }),
      0,
    ],
  ] as const) {
    test(what, async (t) => {
      const proxy = await proxyWith(t, shadow);
      const body = "b".repeat(100_000);
      for (const method of ["GET", "POST"] as const) {
        const response = await proxy.fetch("http://a.test/x", method === "POST" ? { method, body } : {});
        assert.deepEqual([response.status, response.headers.get("x-a")], [200, "1"]);
        assert.equal(await response.text(), `app got ${method === "POST" ? body.length : 0}`);
      }
      // The next request is not held up either, while copies are on their way.
      await proxy.advance(TICK);
      assert.equal(await (await proxy.fetch("http://a.test/y")).text(), "app got 0");
      await proxy.advance("3m");
      assert.deepEqual(
        proxy.log.filter(({ event }) => event === "access").map(({ status, outcome, duration_ms: ms }) => [status, outcome, ms]),
        Array.from({ length: 3 }, () => [200, "completed", 0]),
      );
      assert.deepEqual(counts(proxy), mirrored === 1 ? [3, 0] : [0, 3]);
      assert.equal(proxy.metrics.value("millrace_exchanges_in_flight"), 0);
      assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
      assert.equal(proxy.metrics.value("millrace_endpoint_in_flight"), 0);
    });
  }
});

describe("a copy is dropped and counted", () => {
  test("where the body is larger than max_body, told beforehand or not", async (t) => {
    const proxy = await proxyWith(t, ok, { max_body: "1KiB" });
    for (const [body, framing] of [
      ["x".repeat(1024), "Content-Length: 1024"],
      ["x".repeat(1025), "Content-Length: 1025"],
      [`400\r\n${"x".repeat(1024)}\r\n0\r\n\r\n`, "Transfer-Encoding: chunked"],
      [`401\r\n${"x".repeat(1025)}\r\n0\r\n\r\n`, "Transfer-Encoding: chunked"],
    ] as const) {
      const client = proxy.connect();
      client.send(`POST / HTTP/1.1\r\nHost: a.test\r\n${framing}\r\n\r\n${body}`);
      await client.until(/app got 102\d/);
    }
    await proxy.advance(TICK);
    assert.deepEqual(
      proxy.requests("shadow").map(({ body }) => body.length),
      [1024, 1024],
    );
    assert.deepEqual(counts(proxy), [2, 2]);
  });

  test("where too many are in flight", async (t) => {
    const proxy = await proxyWith(t, script.stall(), { max_in_flight: 2 });
    for (let at = 0; at < 5; at++) await proxy.fetch("http://a.test/");
    await proxy.advance(TICK);
    await proxy.fetch("http://a.test/");
    await proxy.advance(TICK);
    assert.equal(proxy.metrics.value("millrace_endpoint_in_flight", { upstream: "shadow" }), 2);
    assert.deepEqual(counts(proxy), [0, 4]);
    await proxy.advance("2m");
    assert.deepEqual(counts(proxy), [0, 6]);
  });

  test("where the client leaves before its request is complete, and not after that", async (t) => {
    const proxy = await proxyWith(t, ok);
    const leaves = proxy.connect();
    leaves.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
    await proxy.advance(TICK);
    leaves.reset();
    await proxy.advance(TICK);
    assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [0, 0, 1]);
    const sent = proxy.connect();
    sent.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n1234567890");
    await sent.until("app got");
    sent.reset();
    await proxy.advance(TICK);
    assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [1, 1, 1]);
  });

  test("where the request is malformed", async (t) => {
    const proxy = await proxyWith(t, ok);
    const client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    await proxy.advance(TICK);
    client.send("0;smuggled\nGET / HTTP/1.1\r\n\r\n");
    await client.until("400");
    await proxy.advance(TICK);
    assert.deepEqual([proxy.requests("shadow").length, ...counts(proxy)], [0, 0, 1]);
  });

  test("where copies hold much memory; none of that is taken from requests", async (t) => {
    const body = "x".repeat(1024 * 1024);
    const middleware = [
      defineMiddleware({
        name: "reader",
        setup: () => ({
          onRequest: async (exchange) =>
            (await exchange.collectBody(2 * 1024 * 1024)) === null ? { status: 413, reason: "too_large", detail: "", fields: [] } : null,
        }),
      })(),
    ];
    const proxy = await proxyWith(t, script.stall(), {}, { middleware }, { limits: { buffered_bytes: "3MiB" } });
    const send = async (): Promise<number> => (await proxy.fetch("http://a.test/", { method: "POST", body })).status;
    for (let at = 0; at < 20; at++) assert.equal(await send(), 200);
    await proxy.advance(TICK);
    const [, dropped = 0] = counts(proxy);
    assert.equal(dropped, 4, "sixteen have taken all that copies may take");
    assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
    assert.equal(await send(), 200);
    await proxy.advance("2m");
    assert.deepEqual(counts(proxy), [0, 21]);
    assert.equal(await send(), 200);
    await proxy.advance(TICK);
    assert.equal(proxy.metrics.value("millrace_endpoint_in_flight", { upstream: "shadow" }), 1, "there is memory again");
  });

  test("where the proxy ends, with its connection", async (t) => {
    let closed = false;
    const shadow = script.raw(async (connection) => {
      await connection.until("\r\n\r\n");
      await connection.untilEnded();
      closed = true;
    });
    const proxy = await proxyWith(t, shadow);
    await proxy.fetch("http://a.test/");
    await proxy.advance(TICK);
    proxy.close();
    await new Promise(setImmediate);
    assert.ok(closed);
  });

  test("where the endpoint has answered a request that is then not completed", async (t) => {
    const early = await testProxy(
      { routes: [{ upstream: "app", mirror: { upstream: "shadow" } }], upstreams: {} },
      {
        upstreams: {
          app: script.raw(async (connection) => {
            await connection.until("\r\n\r\n");
            connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
            await connection.untilEnded();
          }),
          shadow: ok,
        },
      },
    );
    t.after(() => early.close());
    const client = early.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
    await client.until(" 413 ");
    await early.advance("1m");
    assert.deepEqual([early.requests("shadow").length, ...counts(early)], [0, 0, 1]);
  });

  test("after one attempt, whatever the retries of the upstream", async (t) => {
    const proxy = await testProxy(
      {
        upstreams: { shadow: { endpoints: ["http://one.test", "http://two.test"], retries: 5 } },
        routes: [{ upstream: "app", mirror: { upstream: "shadow" } }],
      },
      { upstreams: { app: ok, shadow: [script.refuse(), script.refuse()] } },
    );
    t.after(() => proxy.close());
    await proxy.fetch("http://a.test/");
    await proxy.advance(TICK);
    assert.deepEqual(
      [proxy.metrics.value("millrace_upstream_connect_failures_total"), proxy.metrics.value("millrace_retries_total")],
      [1, 0],
    );
    assert.deepEqual(counts(proxy), [0, 1]);
  });
});
