/** What one client may cost: connections, requests on them, answers that it does not take. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
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
async function enter(proxy: Millrace, from: string = "127.0.0.1", fields: readonly string[] = []): Promise<RawClient | null> {
  const client = await RawClient.connect(proxy.port, "127.0.0.1", from);
  client.send(get("/", fields));
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

test(
  "refused connections are in the log with limit and client, and with a hint where the client looks like a proxy",
  { timeout: 60_000 },
  async (t) => {
    const { proxy } = await running(t, { limits: "connections: 4, connections_per_client: 2", workers: 2 });
    const clients: RawClient[] = [];
    t.after(() => clients.forEach((client) => client.destroy()));
    const from = async (address: string, fields: readonly string[]): Promise<RawClient | null> => {
      const client = await enter(proxy, address, fields);
      if (client !== null) clients.push(client);
      return client;
    };
    const logged = (limit: string): RegExpExecArray | null =>
      new RegExp(`^.*"event":"connections_refused".*"limit":"${limit}".*$`, "m").exec(proxy.output());
    for (let count = 0; count < 2; count++) assert.notEqual(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"]), null);
    await proxy.until((output) => /"event":"proxy_not_trusted".*127\.0\.0\.1 sends X-Forwarded-\*/.test(output), "the hint");
    for (let count = 0; count < 20; count++) assert.equal(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"]), null);
    await proxy.until(() => logged("connections_per_client") !== null, "the refusals");
    const said: unknown = JSON.parse(logged("connections_per_client")?.[0] ?? "");
    assert.partialDeepStrictEqual(said, { level: "warn", listener: "127.0.0.1:0", allowed: 2, client: "127.0.0.1" });
    assert.match(
      logged("connections_per_client")?.[0] ?? "",
      /and sends X-Forwarded-\*; if it is a proxy of yours, list it in trusted_proxies/,
    );
    for (let count = 0; count < 2; count++) assert.notEqual(await from("127.0.0.2", []), null);
    for (let count = 0; count < 20; count++) assert.equal(await from("127.0.0.3", []), null);
    await proxy.until(() => logged("connections") !== null, "the other refusals");
    assert.match(
      logged("connections")?.[0] ?? "",
      /turned away \d+ connections?, the last from 127\.0\.0\.3: as many are open as the listener may have/,
    );
    assert.equal(proxy.output().match(/"event":"(?:connections_refused|proxy_not_trusted)"/g)?.length, 3, "once, not per request");
  },
);

test("a trusted proxy has no limit of its own: it speaks for many", { timeout: 60_000 }, async (t) => {
  const { proxy } = await running(t, { limits: "connections_per_client: 1", more: "trusted_proxies: [127.0.0.1]" });
  const clients: RawClient[] = [];
  t.after(() => clients.forEach((client) => client.destroy()));
  for (let count = 0; count < 5; count++) clients.push((await enter(proxy)) ?? assert.fail("turned away"));
  clients.push((await enter(proxy, "127.0.0.2")) ?? assert.fail("turned away"));
  assert.equal(await enter(proxy, "127.0.0.2"), null);
});

/** Listeners of one proxy that differ in what a connection may do. */
const LISTENERS = {
  "three requests": "limits: { requests_per_connection: 3 }",
  "five at once": "limits: { pipelined_requests: 5 }",
  "idle for 2 s": "timeouts: { keep_alive: 2s }",
  "idle for 1.3 s": "timeouts: { keep_alive: 1300ms }",
} as const;

describe("of a connection", { concurrency: true }, () => {
  let origin: RawOrigin;
  let proxy: Millrace;
  before(async () => {
    origin = await startRawOrigin({});
    const listeners = Object.values(LISTENERS).map((setting) => `  - { address: "127.0.0.1:0", ${setting} }`);
    proxy = await startMillrace(
      `listeners:\n${listeners.join("\n")}\nworkers: 1\nupstreams: { app: { endpoints: ["${origin.url}"] } }\nroutes: [{ upstream: app }]\nadmin: { address: 127.0.0.1:0 }\n`,
    );
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const connect = (listener: keyof typeof LISTENERS): Promise<RawClient> => {
    const ports = [...proxy.output().matchAll(/listening on http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    return RawClient.connect(ports[Object.keys(LISTENERS).indexOf(listener)] ?? 0);
  };
  const requestsOf = (path: string): number => origin.requests.filter(({ head }) => head.startsWith(`GET ${path}`)).length;

  test("the last request that a connection may bring is answered with Connection: close", { timeout: 60_000 }, async () => {
    const client = await connect("three requests");
    for (let count = 1; count <= 3; count++) {
      client.send(get(`/last/${count}`));
      const answers = await client.responses(count);
      assert.equal(answers.at(-1)?.status, 200);
      assert.equal(answers.at(-1)?.fields.get("connection")?.[0], count === 3 ? "close" : undefined);
    }
    client.send(get("/last/4"));
    await client.end();
    assert.equal(requestsOf("/last/"), 3);
  });

  test("an idle connection serves until its limit, and is closed then", { timeout: 60_000 }, async () => {
    const [client, other] = await Promise.all([connect("idle for 2 s"), connect("idle for 1.3 s")]);
    for (const each of [client, other]) {
      each.send(get("/idle"));
      await each.responses(1);
    }
    // Another listener closes a connection that idles as long: by then this one has given back what it held of the last request.
    await other.end();
    client.send(get("/idle"));
    await client.responses(2);
    const answeredAt = performance.now();
    await client.end();
    const idleMs = performance.now() - answeredAt;
    assert.ok(idleMs > 1900, `${idleMs}`);
  });

  test("of too many requests at once the first ones are answered, and then the connection ends", { timeout: 60_000 }, async () => {
    const client = await connect("five at once");
    client.send(get("/many").repeat(20));
    await client.end();
    const answers = await client.responses(5);
    assert.equal(answers.length, 5);
    assert.equal(answers.at(-1)?.fields.get("connection")?.[0], "close");
    assert.equal(requestsOf("/many"), 5);
    // One after the other is no pipeline.
    const patient = await connect("five at once");
    for (let count = 1; count <= 12; count++) {
      patient.send(get("/patient"));
      assert.equal((await patient.responses(count)).length, count);
    }
    patient.destroy();
  });
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

interface Crowd {
  readonly proxy: Millrace;
  readonly clients: readonly RawClient[];
  /** A further client asks for that path. */
  come(path: string): Promise<RawClient>;
  /** All clients but these leave. */
  leave(...but: readonly RawClient[]): void;
}

/** A proxy with few open files, before an origin that leaves answers of /hold unfinished. */
async function crowd(t: TestContext, kind: "tcp" | "unix"): Promise<Crowd> {
  const unfinished: Socket[] = [];
  const origin = await startRawOrigin({
    onRequest: (request) => {
      if (!request.head.startsWith("GET /hold")) return answerOk(request);
      request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nheld");
      unfinished.push(request.socket);
    },
  });
  t.after(() => origin.close());
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-crowd-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const socketPath = path.join(folder, "socket");
  const proxy = await startMillrace(
    `
listeners: [{ address: "127.0.0.1:0" }${kind === "unix" ? `, { address: "unix:${socketPath}" }` : ""}]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
admin: { address: 127.0.0.1:0 }
`,
    {},
    { openFiles: 160 },
  );
  t.after(() => proxy.stop());
  const clients: RawClient[] = [];
  const leave = (...but: readonly RawClient[]): void => {
    for (const client of clients) {
      if (but.includes(client)) continue;
      if (kind === "tcp") client.socket.resetAndDestroy();
      else client.destroy();
    }
    // Who closes a Unix socket may still be reading, for all that the proxy knows.
    if (kind === "unix") for (const socket of unfinished.splice(0)) socket.write("x".repeat(96));
  };
  t.after(() => leave());
  const come = async (target: string): Promise<RawClient> => {
    const client = kind === "unix" ? await RawClient.connectPath(socketPath) : await RawClient.connect(proxy.port);
    clients.push(client);
    client.send(get(target));
    return client;
  };
  return { proxy, clients, come, leave };
}

/** Takes what sockets there are with exchanges that do not end. */
async function fill({ proxy, clients, come }: Crowd): Promise<void> {
  const isFull = (): boolean => proxy.output().includes('"event":"sockets_short"');
  for (let exchanges = 1; !isFull(); exchanges++) {
    assert.ok(clients.length < 160, "there is no end of sockets");
    await come("/hold");
    // The warning is written by another thread: one client more may have come meanwhile, who waits.
    await Scrape.until(proxy.adminPort, (scrape) => isFull() || scrape.single("exchanges_in_flight") === exchanges, "the exchange");
  }
  assert.ok(clients.length > 10, `only ${clients.length} clients were served`);
}

test("when open files run short, accepting pauses, goes on later, and it is said once", { timeout: 60_000 }, async (t) => {
  const { proxy, clients, come, leave } = await crowd(t, "tcp").then(async (full) => (await fill(full), full));
  const served = clients.length;
  const waiting: RawClient[] = [];
  while (waiting.length < 200) waiting.push(await come(`/${waiting.length}`));
  const metrics = await Scrape.of(proxy.adminPort);
  // Those that came before the warning was read may be among the served.
  assert.ok(metrics.single("connections_accepted") <= served + 2, `${metrics.single("connections_accepted")} were accepted`);
  assert.equal(metrics.single("connections_refused"), 0);
  assert.ok(waiting.slice(2).every(({ received, closed }) => received === "" && !closed));
  leave(...waiting);
  for (const client of waiting) {
    assert.equal((await client.response()).status, 200);
    client.destroy();
  }
  await proxy.until((output) => output.includes('"event":"sockets_enough"'), "its recovery");
  assert.equal(proxy.output().split('"event":"sockets_short"').length - 1, 1);
  assert.ok(!proxy.output().includes('"event":"accept_failed"'));
  // Behind a pause the listener still knows whom it accepts.
  const next = await enter(proxy, "127.0.0.9");
  next?.destroy();
  await proxy.until(() => proxy.access().some(({ client }) => client === "127.0.0.9"), "its line in the log");
});

test("when open files run short, idle connections make place for new ones", { timeout: 60_000 }, async (t) => {
  const full = await crowd(t, "tcp");
  // Of one that came and has not asked yet nobody knows that it is idle.
  const silent = await RawClient.connect(full.proxy.port);
  t.after(() => silent.destroy());
  const idle: RawClient[] = [];
  for (let count = 0; count < 5; count++) idle.push(await full.come("/"));
  for (const client of idle) await client.response();
  await fill(full);
  for (let count = 0; count < idle.length - 1; count++) {
    const next = await full.come("/hold");
    await next.until(({ received }) => received.endsWith("held"), "the beginning of its answer");
  }
  for (const client of idle) await client.end();
  silent.send(get("/hold"));
  await silent.until(({ received }) => received.endsWith("held"), "the beginning of its answer");
});

test("a file is kept free for each client's connection to an endpoint", { timeout: 60_000 }, async (t) => {
  const { proxy } = await crowd(t, "tcp");
  const silent: RawClient[] = [];
  t.after(() => silent.forEach((client) => client.destroy()));
  const isShort = (): boolean => proxy.output().includes('"event":"sockets_short"');
  while (!isShort()) {
    silent.push(await RawClient.connect(proxy.port));
    await Scrape.until(proxy.adminPort, (scrape) => isShort() || scrape.single("connections_open") === silent.length, "the connection");
  }
  const { sockets } = JSON.parse(/\{.*"event":"sockets_short".*\}/.exec(proxy.output())?.[0] ?? "{}") as { sockets?: number };
  assert.ok(sockets !== undefined && Math.abs(2 * silent.length - sockets) <= 4, `${silent.length} clients, ${sockets} sockets`);
});

test("a listener that cannot pause tells new clients that open files are short", { timeout: 60_000 }, async (t) => {
  const full = await crowd(t, "unix");
  await fill(full);
  for (let count = 0; count < 3; count++) {
    const client = await full.come("/");
    assert.match((await client.response()).head, /^HTTP\/1\.1 503 .*\r\n(?:.*\r\n)*Retry-After: 1\r\n/);
    client.destroy();
  }
  const refused = (await Scrape.of(full.proxy.adminPort)).single("connections_refused");
  // Or one more, who came before the warning was read.
  assert.ok(refused === 3 || refused === 4, `${refused} were refused`);
  full.leave();
  await full.proxy.until((output) => output.includes('"event":"sockets_enough"'), "its recovery");
  const next = await full.come("/");
  assert.equal((await next.response()).status, 200);
});

test("a proxy stops as ever while new connections wait", { timeout: 60_000 }, async (t) => {
  const full = await crowd(t, "tcp");
  await fill(full);
  const waiting = await full.come("/");
  full.proxy.process.kill("SIGTERM");
  await full.proxy.until((output) => output.includes('"event":"draining"'), "the drain");
  full.leave(waiting);
  await full.proxy.until((output) => output.includes('"event":"stopped"'), "its end");
  await waiting.until(({ closed }) => closed, "its end");
});
