/**
 * What a reload changes for connections that are open, and what it keeps. Under load, and by a signal: e2e/reload.command.test.ts; listeners that
 * open sockets: e2e/listeners.command.test.ts; endpoints: reload-endpoints.test.ts.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, answerOk, ask, isOver, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

const ORIGIN = "http://origin.test";
const DROPPED = "http://dropped.test";

function config({ listener = "", upstreams = `app: { endpoints: ["${ORIGIN}"] }`, route = "upstream: app" } = {}): string {
  return `
listeners: [{ address: "127.0.0.1:0"${listener && `, ${listener}`} }]
upstreams: { ${upstreams} }
routes: [{ ${route} }]
`;
}

const origin = new MemoryOrigin();
/** Leaves its requests unanswered. */
const dropped = new MemoryOrigin({ onRequest: () => {} });
const proxy = await testProxy(config(), { upstreams: { [ORIGIN]: origin.script } });
after(() => proxy.close());

/** Makes the proxy use that configuration. */
const use = (changed: Parameters<typeof config>[0]): Promise<void> => proxy.reload(config(changed));

function connect(t: TestContext): TestConnection {
  const client = proxy.connect();
  t.after(() => client.close());
  return client;
}

test("a reload changes the limits of the connections that come after it", async () => {
  await use({});
  const long = `/${"a".repeat(2000)}`;
  for (const fields of [[], ["Connection: close"]]) assert.equal((await ask(proxy, get(long, fields))).status, 200);
  await use({ listener: "limits: { request_line: 1KiB }" });
  for (const fields of [[], ["Connection: close"]]) assert.equal((await ask(proxy, get(long, fields))).status, 414);
});

for (const [names, next] of [
  ["forward", "drop"],
  ["drop", "refuse"],
  ["drop", "forward"],
] as const) {
  test(`after a reload an open connection gets the verdict of a fresh one: unsafe names, ${names} to ${next}`, async (t) => {
    await use({ listener: `unsafe_field_names: ${names}` });
    const request = get("/", ["X_Odd: 1"]);
    const open = connect(t);
    open.send(request);
    await responses(open, 1);
    await use({ listener: `unsafe_field_names: ${next}` });
    const verdict = (status: number | undefined): string => `${status} ${origin.requests.at(-1)?.head.includes("X_Odd")}`;
    const fresh = verdict((await ask(proxy, request)).status);
    open.send(request);
    assert.equal(verdict((await responses(open, 2)).at(-1)?.status), fresh);
  });
}

test("a request that waited behind another one meets the reload that came meanwhile", async (t) => {
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<Response>()];
  const app = (): Promise<Response> => {
    asked.resolve();
    return answer.promise;
  };
  const yaml = (names: string): string =>
    config({ listener: `unsafe_field_names: ${names}`, upstreams: "app: { endpoints: [http://app] }" });
  const slow = await testProxy(yaml("drop"), { upstreams: { "http://app": app } });
  t.after(() => slow.close());
  const open = slow.connect();
  open.send(get("/first") + get("/second", ["X_Odd: 1"]));
  await asked.promise;
  await slow.reload(yaml("refuse"));
  answer.resolve(new Response("late"));
  assert.deepEqual(
    (await responses(open, 2)).map(({ status }) => status),
    [200, 400],
  );
});

test("after a reload an open connection has the new limits, also for a head that it has sent before", async (t) => {
  await use({ listener: "limits: { headers: 100 }" });
  const open = connect(t);
  const request = get("/", ["A: 1", "B: 2", "C: 3"]);
  for (let count = 1; count <= 3; count++) {
    open.send(request);
    await responses(open, count);
  }
  await use({ listener: "limits: { headers: 3 }" });
  open.send(request);
  assert.equal((await responses(open, 4)).at(-1)?.status, 431);
});

test("over a reload a rate limit keeps its counts, unless the route at its place became another one", async () => {
  const upstreams = `app: { endpoints: ["${ORIGIN}"] }, other: { endpoints: ["${ORIGIN}"] }`;
  const statuses: number[] = [];
  for (const match of ["upstream: app", "upstream: app", "upstream: other", "upstream: other, match: { path: / }"]) {
    await use({ upstreams, route: `${match}, rate_limit: { requests_per_minute: 1, burst: 1 }` });
    statuses.push((await ask(proxy, get("/"))).status);
  }
  assert.deepEqual(statuses, [200, 429, 200, 200]);
});

test("a connection to an endpoint that a reload dropped is closed behind its exchange", async (t) => {
  const endpoint = (url: string): string => `app: { endpoints: ["${url}"], keep_alive: { idle: 1h } }`;
  await use({ upstreams: endpoint(DROPPED) });
  proxy.serve(DROPPED, dropped.script);
  const client = connect(t);
  client.send(get("/"));
  await proxy.advance(0);
  const [request = assert.fail()] = dropped.requests;
  await use({ upstreams: endpoint(ORIGIN) });
  assert.ok(!isOver(request.connection));
  answerOk(request);
  assert.equal((await responses(client, 1))[0]?.status, 200);
  await proxy.advance(0);
  assert.ok(isOver(request.connection));
});

const TWO = `
listeners: [{ address: "127.0.0.1:0" }, { address: "127.0.0.1:81"KEYS }]
upstreams: { app: { endpoints: ["${ORIGIN}"] }, dropped: { endpoints: ["${DROPPED}"] } }
routes: [{ match: { path: /wait }, upstream: dropped }, { upstream: app }]
shutdown: { timeout: 5s }
`;
const ONE = TWO.replace(/, \{ address: "127.0.0.1:81"KEYS \}/, "");
const two = (keys: string = ""): string => TWO.replace("KEYS", keys);

/** The proxy has two listeners, of which the second may be removed. */
async function withTwoListeners(): Promise<void> {
  await proxy.reload(two(), { upstreams: { [DROPPED]: dropped.script } });
}

test("a listener that a reload removes: connections that idle or have said nothing end after a moment, and a last request is answered", async (t) => {
  await withTwoListeners();
  const [idle, asks, silent, stays] = [1, 1, 1, 0].map((listener) => proxy.connect({ listener })) as [
    TestConnection,
    TestConnection,
    TestConnection,
    TestConnection,
  ];
  t.after(() => [idle, asks, silent, stays].forEach((client) => client.close()));
  for (const client of [idle, asks, stays]) {
    client.send(get("/"));
    await responses(client, 1);
  }
  await proxy.reload(ONE);
  await proxy.advance(400);
  assert.deepEqual([idle, asks, silent, stays].map(isOver), [false, false, false, false]);
  asks.send(get("/last"));
  assert.deepEqual((await responses(asks, 2)).at(-1)?.fields.get("connection"), ["close"]);
  await proxy.advance(200);
  assert.deepEqual([idle, asks, silent, stays].map(isOver), [true, true, true, false]);
  stays.send(get("/"));
  const [, second] = await responses(stays, 2);
  assert.deepEqual([second?.status, second?.fields.get("connection")], [200, undefined]);
  for (const client of [idle, asks, silent]) client.close();
  await proxy.advance(0);
  assert.equal(proxy.metrics.value("millrace_connections_open"), 1);
  assert.throws(() => proxy.connect({ listener: 1 }), /no listener 1/);
});

test("a listener that a reload removes: what is in flight ends, or is cut at shutdown.timeout", async (t) => {
  await withTwoListeners();
  const [ends, isCut] = [proxy.connect({ listener: 1 }), proxy.connect({ listener: 1 })];
  t.after(() => [ends, isCut].forEach((client) => client.close()));
  const before = dropped.requests.length;
  ends.send(get("/wait"));
  isCut.send(get("/wait"));
  await proxy.advance(0);
  await proxy.reload(ONE);
  await proxy.advance("4s");
  const [first = assert.fail()] = dropped.requests.slice(before);
  answerOk(first);
  const [answer] = await responses(ends, 1);
  assert.deepEqual([answer?.status, answer?.fields.get("connection")], [200, ["close"]]);
  await proxy.advance(900);
  assert.ok(isOver(ends) && !isOver(isCut));
  await proxy.advance(200);
  assert.equal((await responses(isCut, 1))[0]?.status, 503);
  assert.ok(isOver(isCut));
  assert.equal(proxy.log.findLast(({ event }) => event === "access")?.["outcome"], "drain_timeout");
});

test("a listener that changes its settings or its place keeps its connections; one that comes back is a new one", async (t) => {
  await withTwoListeners();
  const old = proxy.connect({ listener: 1 });
  const waits = proxy.connect({ listener: 1 });
  t.after(() => [old, waits].forEach((client) => client.close()));
  waits.send(get("/wait"));
  old.send(get("/"));
  await responses(old, 1);
  const turned = two(", limits: { connections: 2 }").replace(/(\{[^{}]*\}), (\{.*\})(?=\])/, "$2, $1");
  assert.match(turned, /^listeners: \[\{ address: "127.0.0.1:81"/m);
  await proxy.reload(turned);
  old.send(get("/"));
  assert.equal((await responses(old, 2)).at(-1)?.status, 200);
  // It has two connections, as many as it may have.
  const refused = proxy.connect({ listener: 0 });
  await proxy.advance(0);
  assert.ok(isOver(refused));
  await proxy.reload(ONE);
  await proxy.reload(two(", limits: { connections: 2 }"));
  for (let count = 0; count < 2; count++) {
    const client = proxy.connect({ listener: 1 });
    t.after(() => client.close());
    client.send(get("/"));
    assert.equal((await responses(client, 1))[0]?.status, 200, "connections of the one before do not count");
  }
  assert.ok(!isOver(waits));
});
