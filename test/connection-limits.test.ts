/** What one client may cost: connections, requests on them, answers that it does not take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import { Scrape } from "./support/scrape.ts";
import type { OriginOptions, RawOrigin } from "./support/raw-origin.ts";

interface Setting {
  readonly limits?: string;
  readonly timeouts?: string;
  readonly workers?: number;
  readonly more?: string;
  readonly origin?: OriginOptions;
}

/** A proxy with those listener limits before an origin, both ended behind the test. */
async function running(t: TestContext, setting: Setting): Promise<{ proxy: Millrace; origin: RawOrigin }> {
  const origin = await startRawOrigin(setting.origin ?? {});
  t.after(() => origin.close());
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0", limits: { ${setting.limits ?? ""} }, timeouts: { ${setting.timeouts ?? ""} } }]
workers: ${setting.workers ?? 1}
upstreams: { app: { endpoints: ["${origin.url}"], timeouts: { idle: 400ms } } }
routes: [{ upstream: app }]
admin: { address: 127.0.0.1:0 }
${setting.more ?? ""}
`);
  t.after(() => proxy.stop());
  return { proxy, origin };
}

/** Connects from that address of this machine; resolves with the client once it was answered, or with null once it was turned away. */
async function enter(proxy: Millrace, from: string = "127.0.0.1"): Promise<RawClient | null> {
  const client = await RawClient.connect(proxy.port, "127.0.0.1", from);
  client.send(get("/"));
  await client.until(({ received, ended, closed }) => received.includes("\r\n\r\n") || ended || closed, "an answer or an end");
  return client.received.startsWith("HTTP/1.1 200 ") ? client : null;
}

for (const workers of [1, 2]) {
  test(`a listener takes as many connections as it may, over all ${workers} threads`, { timeout: 60_000 }, async (t) => {
    const { proxy } = await running(t, { limits: "connections: 10", workers });
    const clients: RawClient[] = [];
    t.after(() => clients.forEach((client) => client.destroy()));
    for (let count = 0; count < 10; count++) clients.push((await enter(proxy)) ?? assert.fail(`connection ${count} was turned away`));
    for (let count = 0; count < 4; count++) assert.equal(await enter(proxy), null);
    assert.equal((await Scrape.of(proxy.adminPort)).single("connections_refused"), 4);
    // One leaves, one may enter: the place is free when the proxy has seen the end.
    clients.pop()?.destroy();
    for (let next = await enter(proxy); ; next = await enter(proxy)) {
      if (next === null) continue;
      clients.push(next);
      break;
    }
    assert.equal(await enter(proxy), null);
  });
}

test("one client takes no more connections than it may, another one is let in", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, { limits: "connections_per_client: 3", workers: 2 });
  const clients: RawClient[] = [];
  t.after(() => clients.forEach((client) => client.destroy()));
  for (let count = 0; count < 3; count++) clients.push((await enter(proxy)) ?? assert.fail("turned away"));
  assert.equal(await enter(proxy), null);
  clients.push((await enter(proxy, "127.0.0.2")) ?? assert.fail("another client was turned away"));
});

test("a trusted proxy has no limit of its own: it speaks for many", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, { limits: "connections_per_client: 1", more: "trusted_proxies: [127.0.0.1]" });
  const clients: RawClient[] = [];
  t.after(() => clients.forEach((client) => client.destroy()));
  for (let count = 0; count < 5; count++) clients.push((await enter(proxy)) ?? assert.fail("turned away"));
  clients.push((await enter(proxy, "127.0.0.2")) ?? assert.fail("turned away"));
  assert.equal(await enter(proxy, "127.0.0.2"), null);
});

test("the last request that a connection may bring is answered with Connection: close", { timeout: 60_000 }, async (t) => {
  const { proxy, origin } = await running(t, { limits: "requests_per_connection: 3" });
  const client = await RawClient.connect(proxy.port);
  for (let count = 1; count <= 3; count++) {
    client.send(get(`/${count}`));
    const answers = await client.responses(count);
    assert.equal(answers.at(-1)?.status, 200);
    assert.equal(answers.at(-1)?.fields.get("connection")?.[0], count === 3 ? "close" : undefined);
  }
  client.send(get("/4"));
  await client.end();
  assert.equal(origin.requests.length, 3);
});

test("an idle connection serves until its limit, and is closed then", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, { timeouts: "keep_alive: 2s" });
  const client = await RawClient.connect(proxy.port);
  client.send(get("/"));
  await client.responses(1);
  // Long enough for it to have given back what it holds of its last request.
  await new Promise((resolve) => setTimeout(resolve, 1300));
  client.send(get("/"));
  await client.responses(2);
  const answeredAt = performance.now();
  await client.end();
  const idleMs = performance.now() - answeredAt;
  assert.ok(idleMs > 1900, `${idleMs}`);
});

test("of too many requests at once the first ones are answered, and then the connection ends", { timeout: 60_000 }, async (t) => {
  const { proxy, origin } = await running(t, { limits: "pipelined_requests: 5" });
  const client = await RawClient.connect(proxy.port);
  client.send(get("/").repeat(20));
  await client.end();
  const answers = await client.responses(5);
  assert.equal(answers.length, 5);
  assert.equal(answers.at(-1)?.fields.get("connection")?.[0], "close");
  assert.equal(origin.requests.length, 5);
  // One after the other is no pipeline.
  const patient = await RawClient.connect(proxy.port);
  for (let count = 1; count <= 12; count++) {
    patient.send(get("/"));
    assert.equal((await patient.responses(count)).length, count);
  }
  patient.destroy();
});

/** Answers with a body that no buffer between here and the client can hold. */
const ENDLESS: OriginOptions = {
  onRequest: ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
    const piece = Buffer.alloc(1 << 20, 0x61);
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("drain", more);
    more();
  },
};

test("a client that takes too little of its response in each span is cut, one that takes enough is not", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, { limits: "response_rate: 64KiB", timeouts: "idle: 1s", origin: ENDLESS });
  const begun = performance.now();
  const slow = await RawClient.connect(proxy.port);
  slow.socket.pause();
  slow.send(get("/slow"));
  // Half of the time it does not read either, but it takes far more than any system buffer holds.
  const steady = await RawClient.connect(proxy.port);
  steady.socket.on("data", () => (steady.received = ""));
  steady.send(get("/steady"));
  let reads = true;
  const reading = setInterval(() => {
    reads = !reads;
    if (reads) steady.socket.resume();
    else steady.socket.pause();
  }, 50);
  t.after(() => clearInterval(reading));
  await proxy.until(
    () => proxy.access().some(({ path, outcome }) => path === "/slow" && outcome === "client_stalled"),
    "the slow client's end",
  );
  assert.ok(performance.now() - begun < 10_000);
  assert.deepEqual(
    proxy.access().filter(({ path }) => path === "/steady"),
    [],
  );
  assert.ok(!steady.closed);
  slow.destroy();
  steady.destroy();
});

test("a response that stands still is cut although its request still comes", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, {
    origin: {
      onHead: (_, socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
        // It reads nothing more either, after a moment in which the proxy could write all it had.
        socket.once("data", () => socket.pause());
        return true;
      },
    },
  });
  const client = await RawClient.connect(proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n");
  await client.until(({ received }) => received.endsWith("begun"), "the response's beginning");
  const piece = Buffer.alloc(1 << 20, 0x61);
  const more = (): void => {
    while (!client.closed && client.socket.write(piece));
  };
  client.socket.on("drain", more);
  more();
  await client.until(({ ended, closed }) => ended || closed, "the cut");
  assert.ok(!client.received.includes("begunx"));
});

test("when open files run short, new clients are told so, idle ones make place, and it is said once", { timeout: 60_000 }, async (t) => {
  const origin = await startRawOrigin({
    onRequest: (request) => {
      if (!request.head.startsWith("GET /hold")) return answerOk(request);
      request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nheld");
    },
  });
  t.after(() => origin.close());
  const proxy = await startMillrace(
    `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
`,
    {},
    { openFiles: 130 },
  );
  t.after(() => proxy.stop());
  const clients: RawClient[] = [];
  t.after(() => clients.forEach((client) => client.destroy()));
  // Exchanges that are under way: they hold their connections.
  let refused: RawClient | null = null;
  for (let count = 0; count < 130 && refused === null; count++) {
    const client = await RawClient.connect(proxy.port);
    clients.push(client);
    client.send(get("/hold"));
    await client.until(({ received, ended, closed }) => received.includes("\r\n\r\n") || ended || closed, "an answer or an end");
    if (!client.received.startsWith("HTTP/1.1 200 ")) refused = client;
  }
  assert.ok(refused !== null, "nobody was turned away");
  assert.match(refused.received, /^HTTP\/1\.1 503 .*\r\n(?:.*\r\n)*Retry-After: 1\r\n/);
  assert.ok(clients.length > 10, `only ${clients.length} clients were let in`);
  for (let count = 0; count < 3; count++) assert.equal(await enter(proxy), null);
  await proxy.until((output) => output.includes('"event":"sockets_short"'), "the warning");
  for (const client of clients.splice(0)) client.socket.resetAndDestroy();
  await proxy.until((output) => output.includes('"event":"sockets_enough"'), "its recovery");
  const next = await enter(proxy);
  assert.ok(next !== null);
  next.destroy();
  assert.equal(proxy.output().split('"event":"sockets_short"').length - 1, 1);
});
