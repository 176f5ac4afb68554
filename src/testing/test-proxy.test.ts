import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "./test-proxy.ts";

const ROUTES = { routes: [{ upstream: "app" }] };

test("a request goes through the proxy to a function, and its response comes back", async (t) => {
  const proxy = await testProxy(ROUTES, {
    upstreams: { app: async (request) => new Response(`hi ${await request.text()}`, { headers: { "x-from": "app" } }) },
  });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://example.com/path?q=1", { method: "POST", body: "you", headers: { "x-mine": "1" } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-from"), "app");
  assert.equal(await response.text(), "hi you");
  const [request] = proxy.requests("app");
  assert.equal(request?.target, "/path?q=1");
  assert.equal(request?.headers.get("x-mine"), "1");
  assert.equal(request?.headers.get("x-forwarded-for"), "192.0.2.1");
  assert.equal(request?.body, "you");
  const [entry] = proxy.log;
  assert.equal(entry?.["status"], 200);
  assert.equal(proxy.metrics.value("millrace_requests_total", { class: "2xx" }), 1);
});

test("a request that one endpoint refuses is retried at the next one", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: [script.refuse(), () => new Response("second")] } });
  t.after(() => proxy.close());
  for (let request = 0; request < 4; request++) assert.equal(await (await proxy.fetch("http://a.test/")).text(), "second");
});

test("a response in pieces, a large one, and one that is cut", async (t) => {
  const large = "x".repeat(3_000_000);
  const proxy = await testProxy(
    { routes: [{ upstream: "cut", match: { path: "/cut" } }, { upstream: "app" }] },
    { upstreams: { app: () => new Response(large), cut: script.resetAfter(2000, () => new Response("y".repeat(5000))) } },
  );
  t.after(() => proxy.close());
  assert.equal((await (await proxy.fetch("http://a.test/")).text()).length, large.length);
  const cut = await proxy.fetch("http://a.test/cut");
  await assert.rejects(cut.text());
});

test("time stands still until it is told to pass", async (t) => {
  const proxy = await testProxy(
    { routes: [{ upstream: "app" }], upstreams: { app: { endpoints: ["http://app.test"], timeouts: { response_head: "3s" } } } },
    { upstreams: { app: script.stall() } },
  );
  t.after(() => proxy.close());
  const response = proxy.fetch("http://a.test/");
  await proxy.advance("2900ms");
  assert.equal(proxy.log.length, 0);
  await proxy.advance("200ms");
  assert.equal((await response).status, 504);
});

test("the ways in which connecting fails", async (t) => {
  const names = ["refused", "unknown", "silent"];
  const proxy = await testProxy(
    {
      routes: names.map((upstream) => ({ upstream, match: { path: `/${upstream}` } })),
      upstreams: { silent: { endpoints: ["http://silent.test"], retries: 0, timeouts: { connect: "1s" } } },
    },
    { upstreams: { refused: script.refuse(), unknown: script.unknownName(), silent: script.silent() } },
  );
  t.after(() => proxy.close());
  const answers = names.map((name) => proxy.fetch(`http://a.test/${name}`));
  await proxy.advance("2s");
  assert.deepEqual(
    (await Promise.all(answers)).map(({ headers }) => headers.get("proxy-status")),
    ["connection_refused", "dns_error", "connection_timeout"].map((error) => `millrace; error=${error}`),
  );
});

test("a request at the very start of the clock has the right duration", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: () => new Response("ok") }, startsAt: 0 });
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n");
  await proxy.advance("3s");
  client.send("\r\n");
  await client.until("ok");
  assert.deepEqual([proxy.log[0]?.["duration_ms"], proxy.log[0]?.["time"]], [3000, "1970-01-01T00:00:00.000Z"]);
});

test("health checks follow the clock", async (t) => {
  let isWell = false;
  const proxy = await testProxy(
    {
      routes: [{ upstream: "app" }],
      upstreams: { app: { endpoints: ["http://app.test"], health_check: { path: "/health", interval: "5s" } } },
    },
    { upstreams: { app: () => new Response("", { status: isWell ? 200 : 503 }) } },
  );
  t.after(() => proxy.close());
  await proxy.advance("30s");
  assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.health, "unhealthy");
  isWell = true;
  await proxy.advance("30s");
  assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.health, "healthy");
});

test("raw bytes, both ways", async (t) => {
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: script.raw(async (connection) => {
        await connection.until("\r\n\r\n");
        connection.send("HTTP/1.1 200 OK\r\nContent-");
        connection.send("Length: 2\r\n\r\nok");
      }),
    },
  });
  t.after(() => proxy.close());
  const client = proxy.connect();
  for (const byte of "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n") client.send(byte);
  assert.match(await client.until("ok"), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  client.take();
  client.send("no request\r\n\r\n");
  assert.match(await client.untilEnded(), /^HTTP\/1\.1 400 /);
});

test("a wait in vain fails at once and says what it waited for", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: script.raw((connection) => connection.reset()) } });
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  await assert.rejects(client.until("200 OK"), /the connection ended \(in good order\) before 200 OK came: "HTTP\/1\.1 502 /);
});

test("a body arrives piece by piece, and the endpoint notices a client that leaves", async (t) => {
  let send: (text: string) => void = () => {};
  let cancelled = false;
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: () =>
        new Response(
          new ReadableStream<Uint8Array>({
            start: (controller) => void (send = (text) => controller.enqueue(new TextEncoder().encode(text))),
            cancel: () => void (cancelled = true),
          }),
        ),
    },
  });
  t.after(() => proxy.close());
  const leave = new AbortController();
  const sent = proxy.fetch("http://a.test/", { signal: leave.signal });
  await proxy.advance(0);
  send("one");
  const reader = (await sent).body?.getReader();
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), "one");
  send("two");
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), "two");
  leave.abort();
  await assert.rejects(async () => reader?.read(), { name: "AbortError" });
  await proxy.advance(0);
  assert.equal(proxy.log.at(-1)?.["outcome"], "client_reset");
  assert.ok(cancelled);
});

test("a request body in pieces, with back-pressure to its source", async (t) => {
  let pulled = 0;
  const proxy = await testProxy(
    { routes: [{ upstream: "app" }] },
    {
      upstreams: {
        app: async (request, { sleep }) => {
          await sleep(1000);
          return new Response(String((await request.arrayBuffer()).byteLength));
        },
      },
    },
  );
  t.after(() => proxy.close());
  const piece = new Uint8Array(64 * 1024);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => (++pulled > 100 ? controller.close() : controller.enqueue(piece)),
  });
  const sent = proxy.fetch("http://a.test/", { method: "POST", body });
  await proxy.advance(900);
  assert.ok(pulled < 50, `${pulled} pieces were asked for while nobody read`);
  await proxy.advance(200);
  assert.equal(await (await sent).text(), String(100 * piece.length));
});

test("endpoints can stall within a response, send slowly, or throw", async (t) => {
  const answer = (): Response => new Response("x".repeat(1000));
  const proxy = await testProxy(
    {
      routes: ["stall", "slow", "throw"].map((upstream) => ({ upstream, match: { path: `/${upstream}` } })),
      upstreams: { stall: { endpoints: ["http://stall.test"], timeouts: { idle: "2s" } } },
    },
    {
      upstreams: {
        stall: script.stallAfter(500, answer),
        slow: script.slow(100, answer),
        throw: () => {
          throw new Error("a mistake of the test");
        },
      },
    },
  );
  t.after(() => proxy.close());
  const stalled = await proxy.fetch("http://a.test/stall");
  const text = assert.rejects(stalled.text());
  await proxy.advance("3s");
  await text;
  assert.equal(proxy.log.at(-1)?.["outcome"], "response_timeout");
  const sent = proxy.fetch("http://a.test/slow");
  await proxy.advance("5s");
  const slow = (await sent).text();
  await proxy.advance("10s");
  assert.equal((await slow).length, 1000);
  assert.match(await (await proxy.fetch("http://a.test/throw")).text(), /a mistake of the test/);
});

test("clients have addresses, limits follow the clock, and a reload changes them", async (t) => {
  const config = (requests: number) => ({ routes: [{ upstream: "app", rate_limit: { requests_per_minute: requests, burst: requests } }] });
  const proxy = await testProxy(config(2), { upstreams: { app: () => new Response("hi") } });
  t.after(() => proxy.close());
  const status = async (from: string): Promise<number> => (await proxy.fetch("http://a.test/", { from })).status;
  assert.deepEqual([await status("203.0.113.7"), await status("203.0.113.7"), await status("203.0.113.7")], [200, 200, 429]);
  assert.equal(await status("203.0.113.8"), 200);
  await proxy.advance("1m");
  assert.equal(await status("203.0.113.7"), 200);
  assert.equal(proxy.metrics.value("millrace_rate_limited_total"), 1);
  await proxy.reload(config(5));
  for (let request = 0; request < 5; request++) assert.equal(await status("203.0.113.9"), 200);
});

test("a WebSocket's bytes pass, and its end", async (t) => {
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: script.raw(async (connection) => {
        const [, key = ""] = /sec-websocket-key: (\S+)/i.exec(await connection.until("\r\n\r\n")) ?? [];
        const { createHash } = await import("node:crypto");
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        connection.send(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        await connection.until("ping");
        connection.send("pong");
        await connection.untilEnded();
        connection.end();
      }),
    },
  });
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
  client.send("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  await client.until("\r\n\r\n");
  client.send("ping");
  await client.until("pong");
  client.end();
  await client.untilEnded();
  await proxy.advance(0);
  assert.equal(proxy.log.at(-1)?.["outcome"], "tunnel");
});

test("an endpoint starts late, and another one goes away", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: [script.refuse(), () => new Response("second")] } });
  t.after(() => proxy.close());
  const bodies = async (): Promise<string[]> =>
    (await Promise.all([1, 2, 3, 4].map(async () => (await proxy.fetch("http://a.test/")).text()))).sort();
  assert.deepEqual(await bodies(), ["second", "second", "second", "second"]);
  proxy.serve("http://app-1.test", () => new Response("first"));
  await proxy.advance("1m");
  assert.deepEqual(await bodies(), ["first", "first", "second", "second"]);
  proxy.serve("http://app-2.test", script.refuse());
  await proxy.advance("10m");
  assert.deepEqual(await bodies(), ["first", "first", "first", "first"]);
  assert.throws(() => proxy.serve("ap", script.refuse()), /no upstream, and no endpoint, "ap"/);
});

test("a long path is in the log", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: () => new Response("ok") } });
  t.after(() => proxy.close());
  await proxy.fetch(`http://a.test/${"a".repeat(3000)}`);
  await proxy.fetch("http://a.test/");
  assert.match(String(proxy.log[0]?.["path"]), /^\/a{500}/);
});

test("a client that does not read from the beginning gets what a receive buffer holds", async (t) => {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      taken++;
      controller.enqueue(new Uint8Array(64 * 1024));
    },
  });
  const proxy = await testProxy(ROUTES, { upstreams: { app: () => new Response(body) } });
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.pause();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance("1s");
  assert.equal(client.received, "");
  assert.ok(taken > 1 && taken < 20, `${taken} pieces were sent`);
  client.resume();
  await client.until((received) => received.length > 20 * 64 * 1024);
});

test("mistakes in a test are reported where they are made", async () => {
  const answer = (): Response => new Response("");
  await assert.rejects(
    testProxy({ routes: [{ upstream: "app", rate_limit: "x" as never }] }, { upstreams: { app: answer } }),
    /config:1:1: routes/,
  );
  await assert.rejects(
    testProxy(
      { routes: [{ upstream: "app" }], upstreams: { app: { endpoints: ["http://a.test"] } } },
      { upstreams: { ap: answer, app: answer } },
    ),
    /no upstream, and no endpoint, "ap"/,
  );
  const proxy = await testProxy(ROUTES, { upstreams: { app: answer } });
  await assert.rejects(proxy.advance("ten seconds"), /is no duration/);
  proxy.close();
});

test("credentials and what programs print stand among the test's files", async () => {
  const tokens = "[credential:app, { exec: [vault, get, app] }, file:own]";
  const config = `listeners: [{ address: ":80" }]\nroutes: [{ authentication: { tokens: ${tokens} }, respond: { body: in } }]\n`;
  const files = { "credential:app": "one\n", "vault get app": "two\n", own: "three" };
  const proxy = await testProxy(config, { files });
  const statuses = await Promise.all(
    ["one", "two", "three", "four"].map(
      async (token) => (await proxy.fetch("http://a.test/", { headers: { Authorization: `Bearer ${token}` } })).status,
    ),
  );
  assert.deepEqual(statuses, [200, 200, 200, 401]);
  proxy.close();
  await assert.rejects(
    testProxy(config, { files: { own: "three" } }),
    /credential:app is not among the test's files; [^\n]*\n.*vault get app is not among the test's files/,
  );
});
