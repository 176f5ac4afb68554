/** What a reload keeps of upstreams and endpoints (turns, connections, exchanges in flight), and what it changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestProxy } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, answerOk, ask, isOver, responses } from "./support/in-memory.ts";
import type { MemoryOriginOptions } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

/** With these upstreams, and a route that leads to `app`. */
function config(upstreams: string): string {
  return `
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { ${upstreams} }
routes: [{ upstream: app }]
`;
}

const A = "http://a.test";
const B = "http://b.test";
const C = "http://c.test";

interface Endpoints {
  readonly proxy: TestProxy;
  /** What answers at a, b and c. */
  readonly origins: readonly MemoryOrigin[];
  /** Reloads with these endpoints of the upstream, and more keys of it. */
  endpoints(list: readonly string[], more?: string): Promise<void>;
  /** Requests that a, b and c have got so far. */
  counts(): number[];
  /** Connections that they have got so far. */
  connections(): number[];
}

/** A proxy of its own, whose upstream has these endpoints among a, b and c. */
async function withEndpoints(t: TestContext, list: readonly string[], options: MemoryOriginOptions = {}): Promise<Endpoints> {
  const origins = [A, B, C].map(() => new MemoryOrigin(options));
  const of = (names: readonly string[], more = ""): string =>
    config(`app: { endpoints: [${names.map((name) => JSON.stringify(name)).join(", ")}], keep_alive: { idle: 1h }${more} }`);
  const own = await testProxy(of([A, B, C]), { upstreams: { app: origins.map(({ script }) => script) } });
  t.after(() => own.close());
  const endpoints = (names: readonly string[], more?: string): Promise<void> => own.reload(of(names, more));
  const upstreams = Object.fromEntries([A, B, C].map((url, index) => [url, origins[index]?.script ?? assert.fail()]));
  await own.reload(of([A, B, C]), { upstreams });
  await endpoints(list);
  return {
    proxy: own,
    origins,
    endpoints,
    counts: () => origins.map(({ requests }) => requests.length),
    connections: () => origins.map((each) => each.connections.length),
  };
}

test("the balancer's turn goes on after a reload that does not change the endpoints", async (t) => {
  const { proxy: own, endpoints, counts } = await withEndpoints(t, [A, B, C]);
  await ask(own, get("/"));
  assert.deepEqual(counts(), [1, 0, 0]);
  await endpoints([A, B, C], ", retries: 1");
  await ask(own, get("/"));
  assert.deepEqual(counts(), [1, 1, 0]);
  await endpoints([A, B, C]);
  await ask(own, get("/"));
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("after a reload that removes an endpoint, those that stay take their turns as they would have", async (t) => {
  const { proxy: own, endpoints, counts } = await withEndpoints(t, [A, B, C]);
  await ask(own, get("/"));
  await ask(own, get("/"));
  await endpoints([B, C]);
  await ask(own, get("/"));
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("connections to an endpoint outlive a reload that changes another one", async (t) => {
  const { proxy: own, endpoints, connections } = await withEndpoints(t, [A, B]);
  for (let count = 0; count < 2; count++) await ask(own, get("/"));
  await endpoints([C, B]);
  for (let count = 0; count < 2; count++) await ask(own, get("/"));
  assert.deepEqual(connections(), [1, 1, 1]);
  await endpoints([B, A, C]);
  for (let count = 0; count < 3; count++) await ask(own, get("/"));
  assert.deepEqual(connections(), [2, 1, 1], "what left a closed its connections");
});

for (const change of ["timeouts: { idle: 7s }", "keep_alive: { max_idle: 9 }", "via: false", "tls: { verify: false }"]) {
  test(`an idle connection that was opened under other settings is not used: ${change}`, async () => {
    const origins = new MemoryOrigin();
    const of = (more: string): string => config(`app: { endpoints: ["${A}"]${more} }`);
    const own = await testProxy(of(""), { upstreams: { [A]: origins.script } });
    await ask(own, get("/"));
    await own.reload(of(""));
    await ask(own, get("/"));
    assert.equal(origins.connections.length, 1);
    await own.reload(of(`, ${change}`));
    await own.advance(0);
    assert.ok(origins.connections.every(isOver), "it is closed");
    await ask(own, get("/"));
    assert.equal(origins.connections.length, 2);
    own.close();
  });
}

test("a reload changes the time limits of new exchanges, not of one in flight", async (t) => {
  const origins = new MemoryOrigin({ onRequest: () => {} });
  const of = (limit: string): string => config(`app: { endpoints: ["${A}"], timeouts: { response_head: ${limit} } }`);
  const own = await testProxy(of("60s"), { upstreams: { [A]: origins.script } });
  t.after(() => own.close());
  const client = own.connect();
  client.send(get("/early"));
  await own.advance(0);
  await own.reload(of("1s"));
  const late = own.connect();
  late.send(get("/late"));
  await own.advance("2s");
  assert.equal((await responses(late, 1))[0]?.status, 504);
  assert.equal(client.received, "");
  answerOk(origins.requests[0] ?? assert.fail());
  assert.equal((await responses(client, 1))[0]?.status, 200);
});

test("an exchange ends well after a reload that removes its endpoint, and is counted for it; the endpoint comes back as new", async (t) => {
  const {
    proxy: own,
    origins: [, b = assert.fail()],
    endpoints,
  } = await withEndpoints(t, [A, B], { onRequest: (request) => void (request.head.startsWith("GET /wait") || answerOk(request)) });
  const inFlight = (): Record<string, number> =>
    Object.fromEntries(own.status.upstreams["app"]?.endpoints.map(({ url, in_flight: count }) => [url, count]) ?? []);
  await ask(own, get("/"));
  const client = own.connect();
  client.send(get("/wait"));
  await own.advance(0);
  assert.deepEqual(inFlight(), { [A]: 0, [B]: 1 });
  await endpoints([A, C]);
  assert.deepEqual(inFlight(), { [A]: 0, [C]: 0 });
  await endpoints([B, A]);
  assert.deepEqual(inFlight(), { [A]: 0, [B]: 0 }, "its slot is another one while the old one is in use");
  answerOk(b.requests[0] ?? assert.fail());
  assert.equal((await responses(client, 1))[0]?.status, 200);
  assert.deepEqual(inFlight(), { [A]: 0, [B]: 0 });
  const total = (endpoint: string): number => own.metrics.value("millrace_requests_total", { endpoint });
  assert.deepEqual([total(A), total(B), total(C)], [1, 1, 0]);
  await ask(own, get("/"));
  assert.deepEqual(inFlight(), { [A]: 0, [B]: 0 });
});

test("an endpoint that two upstreams name alike has one pool; after a reload that changes one of them it has two", async (t) => {
  const origins = new MemoryOrigin();
  const of = (more: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { one: { endpoints: ["${A}"] }, two: { endpoints: ["${A}"]${more} } }
routes: [{ upstream: one, match: { path: /one } }, { upstream: two }]
`;
  const own = await testProxy(of(""), { upstreams: { [A]: origins.script } });
  t.after(() => own.close());
  for (const path of ["/one", "/two"]) await ask(own, get(path));
  assert.equal(origins.connections.length, 1);
  await own.reload(of(", timeouts: { idle: 7s }"));
  for (const path of ["/one", "/two"]) await ask(own, get(path));
  assert.equal(origins.connections.length, 2);
  assert.ok(!origins.connections.some(isOver));
});
