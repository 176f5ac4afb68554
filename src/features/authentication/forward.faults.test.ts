/** Services that fail in every way: nobody comes in. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { MemoryOrigin } from "../../../test/support/in-memory.ts";
import { configOf, problemsOf } from "../../config/load.fixture.ts";
import { explain } from "../../explain/explanation.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestOrigin, TestProxy } from "../../testing/test-proxy.ts";

const SERVICE = "http://127.0.0.1:9091";

async function started(t: TestContext, service: TestOrigin, more: object = {}): Promise<TestProxy> {
  const forward = { url: SERVICE, user: "Remote-User", copy: ["Remote-User"], ...more };
  const proxy = await testProxy(
    { routes: [{ name: "site", upstream: "app", authentication: { forward } }] },
    { upstreams: { app: () => new Response("in"), [SERVICE]: service } },
  );
  t.after(() => proxy.close());
  return proxy;
}

const failures = (proxy: TestProxy) => proxy.log.filter(({ event }) => event === "authentication_service_failed");

async function refused(proxy: TestProxy): Promise<void> {
  const response = await proxy.fetch("http://a.test/");
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"]);
  assert.equal(proxy.requests("app").length, 0);
  assert.equal(proxy.log.findLast(({ event }) => event === "access")?.["outcome"], "authentication_unavailable");
}

const answers = (text: string): TestOrigin => new MemoryOrigin({ onRequest: ({ connection }) => connection.send(text) }).script;

const ENDLESS = "x".repeat(64 * 1024);
const flood = (start: string, piece: string): TestOrigin =>
  script.raw(async (connection) => {
    await connection.until("\r\n\r\n");
    connection.send(start);
    while (!connection.isClosed && !connection.hasEnded) {
      connection.send(piece);
      await connection.untilSent();
    }
  });

describe("a service that", () => {
  const AT_ONCE: readonly (readonly [what: string, service: TestOrigin])[] = [
    ["refuses connections", script.refuse()],
    ["has no address", script.unknownName()],
    ["answers 500", () => new Response("it broke: secret", { status: 500 })],
    ["answers 503", () => new Response(null, { status: 503 })],
    ["is no HTTP server", answers("SSH-2.0-x\r\n")],
    ["answers nothing and closes", script.resetAfter(0, () => new Response("in"))],
    ["breaks off in its head", script.resetAfter(20, () => new Response("in"))],
    ["breaks off in its body", answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")],
    ["has an endless head", flood("HTTP/1.1 200 OK\r\n", "X-A: b\r\n".repeat(1000))],
    ["has an endless body", flood("HTTP/1.1 200 OK\r\n\r\n", ENDLESS)],
    ["says 102 without end", flood("", "HTTP/1.1 102 Processing\r\n\r\n".repeat(100))],
    ["has two lengths", answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n")],
    ["switches protocols", answers("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")],
    ["names two users", answers("HTTP/1.1 200 OK\r\nRemote-User: a\r\nRemote-User: b\r\nContent-Length: 0\r\n\r\n")],
    ["names a user in no UTF-8", answers("HTTP/1.1 200 OK\r\nRemote-User: \xe9\r\nContent-Length: 0\r\n\r\n")],
  ];
  for (const [what, service] of AT_ONCE) {
    test(`${what}: 503, and the log says why`, async (t) => {
      const proxy = await started(t, service);
      const response = refused(proxy);
      // What breaks off without an end of the connection ends with the time limit.
      await proxy.advance("5s");
      await response;
      const [said] = failures(proxy);
      assert.deepEqual([said?.["route"], said?.["upstream"]], ["site", SERVICE]);
      assert.match(String(said?.["reason"]), /\w/);
      assert.doesNotMatch(JSON.stringify(proxy.log), /secret/);
    });
  }

  for (const [what, service] of [
    ["accepts no connection", script.silent()],
    ["never answers", script.stall()],
    ["sends its head slowly", script.slow(4, () => new Response("in"))],
  ] as const) {
    test(`${what}: 503 after the time limit`, async (t) => {
      const proxy = await started(t, service, { timeout: "2s" });
      let isAnswered = false;
      const response = refused(proxy).then(() => (isAnswered = true));
      await proxy.advance(1900);
      assert.equal(isAnswered, false);
      await proxy.advance(200);
      await response;
    });
  }
});

test("after five failures in a row nobody waits for two seconds, then one request tries, and its success is everybody's", async (t) => {
  const service = new MemoryOrigin({ onRequest: () => {} });
  const proxy = await started(t, service.script, { timeout: "1s" });
  for (let count = 0; count < 5; count++) {
    const response = refused(proxy);
    await proxy.advance("1s");
    await response;
  }
  await refused(proxy);
  assert.equal(service.requests.length, 5);
  await proxy.advance("2s");
  const tries = proxy.fetch("http://a.test/");
  await proxy.advance(0);
  await refused(proxy);
  assert.equal(service.requests.length, 6);
  service.requests[5]?.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await tries).status, 200);
  const next = proxy.fetch("http://a.test/");
  await proxy.advance(0);
  service.requests[6]?.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await next).status, 200);
  assert.equal(failures(proxy).length, 1, "the log says it once");
});

test("refusals and answers with 5xx are no failures of the circuit", async (t) => {
  const statuses = [401, 500, 500, 500, 500, 500, 500, 403, 200];
  const proxy = await started(t, () => new Response(null, { status: statuses.shift() ?? 200 }));
  while (statuses.length > 0) await (await proxy.fetch("http://a.test/")).arrayBuffer();
  assert.equal(proxy.requests("app").length, 1);
  assert.equal(failures(proxy).length, 1);
});

test("clients that leave are no failures of the circuit, and the service is told to stop", async (t) => {
  const service = new MemoryOrigin({ onRequest: () => {} });
  const proxy = await started(t, service.script);
  for (let count = 0; count < 8; count++) {
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await proxy.advance(0);
    client.reset();
    await proxy.advance(0);
    assert.equal(service.connections.at(-1)?.hasEnded, true);
  }
  const last = proxy.fetch("http://a.test/");
  await proxy.advance(0);
  service.requests.at(-1)?.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await last).status, 200);
  assert.equal(failures(proxy).length, 0);
});

test("of a flood 256 requests wait for the service, 64 of one client, and the others get 503 at once", async (t) => {
  const service = new MemoryOrigin({ onRequest: () => {} });
  const proxy = await started(t, service.script);
  const flood = (requests: number, from: string): Promise<Response>[] =>
    Array.from({ length: requests }, () => proxy.fetch("http://a.test/", { from }));
  const first = flood(80, "192.0.2.1");
  await proxy.advance(0);
  assert.equal(service.requests.length, 64);
  // An IPv6 network counts as one client.
  const others = ["192.0.2.2", "192.0.2.3", "2001:db8::1"].flatMap((from) => flood(63, from));
  const last = [...flood(3, "2001:db8::2"), ...flood(4, "192.0.2.4")];
  await proxy.advance(0);
  assert.equal(service.requests.length, 256);
  for (const { connection } of service.requests) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const statusesOf = async (flooding: Promise<Response>[]): Promise<unknown> =>
    [...Map.groupBy(await Promise.all(flooding), ({ status }) => status)].map(([status, { length }]) => [status, length]).toSorted();
  assert.deepEqual(
    [await statusesOf(first), await statusesOf(others), await statusesOf(last)],
    [
      [
        [200, 64],
        [503, 16],
      ],
      [[200, 189]],
      [
        [200, 3],
        [503, 4],
      ],
    ],
  );
  const next = proxy.fetch("http://a.test/");
  await proxy.advance(0);
  service.requests.at(-1)?.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await next).status, 200);
});

describe("the configuration", () => {
  const WRONG: readonly (readonly [forward: string, message: RegExp])[] = [
    ["{ send: [Cookie] }", /forward: expected url or upstream/],
    ['{ url: "http://a:1", upstream: app }', /forward\.upstream: the service is named by url already/],
    ['{ url: "http://a:1", path: /x }', /forward\.path: the path belongs into url here/],
    ["{ upstream: ap }", /forward\.upstream: no upstream is named "ap"; did you mean "app"\?/],
    ['{ url: "ftp://a" }', /forward\.url: expected the URL of the service/],
    ['{ url: "http://me:secret@a/" }', /forward\.url: expected the URL of the service/],
    ['{ url: "http://a/x#y" }', /forward\.url: expected the URL of the service/],
    [
      '{ url: "http://a:1", send: [X-Forwarded-Uri] }',
      /send\.#1: the field X-Forwarded-Uri of clients is not sent to the service: the proxy writes it itself/,
    ],
    ['{ url: "http://a:1", send: [Transfer-Encoding] }', /send\.#1: the field Transfer-Encoding of clients is not sent/],
    ['{ url: "http://a:1", copy: [Host] }', /copy\.#1: the field Host/],
    ['{ url: "http://a:1", copy: [X-A, x-a] }', /copy\.#2: the field stands there already/],
    ['{ url: "http://a:1", send: [X-A], copy: [x-a] }', /copy\.#1: it stands in send too/],
    ['{ url: "http://a:1", timeout: 10s }', /timeout: /],
    ['{ url: "http://a:1", cache: { for: 1h } }', /cache\.for: /],
    ['{ url: "http://a:1", cache: { for: 1s, key: [Cookie] } }', /cache\.key: authorization must be in it/],
    ['{ url: "http://a:1", send: [Cookie], cache: { for: 1s, key: [Cookie, X-A] } }', /key\.#2: the service does not get this field/],
    ['{ url: "http://a:1", copy: [X-User] }, identity_headers: { user: x-user }', /identity_headers\.user: another key has the same field/],
    ['{ url: "http://a:1" }, optional: true', /optional: it has no effect with forward/],
  ];
  for (const [forward, message] of WRONG) {
    test(`is wrong: ${forward}`, () => {
      const text = `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["http://b"] } }\nroutes: [{ upstream: app, authentication: { forward: ${forward} } }]`;
      const problems = problemsOf(text).join("\n");
      assert.match(problems, message);
      assert.doesNotMatch(problems, /secret/);
    });
  }
});

test("explain asks nobody, says so, and goes on as if the client were let in", async () => {
  const text = `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["http://b"] } }\nroutes: [{ upstream: app, authentication: { forward: { url: "${SERVICE}/verify" } } }]`;
  const found = await explain(configOf(text), { method: "GET", url: "http://a.test/", fields: [] }, {});
  assert.ok(typeof found === "object");
  assert.deepEqual([found.upstream, found.status], ["app", null]);
  assert.match(found.lines.join("\n"), /asked whether the client may come in: http:\/\/127\.0\.0\.1:9091;/);
});
