/**
 * What one client may cost, where it is about several threads, what the system buffers, or open files. All else of it: connection-limits.test.ts.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import type { LogRecord } from "../support/printed.ts";
import { RawClient, get } from "../support/raw-client.ts";
import { answerOk, startRawOrigin } from "../support/raw-origin.ts";
import type { RawOrigin } from "../support/raw-origin.ts";
import { Scrape } from "../support/scrape.ts";

/** Listeners that differ in what they take. The key is the address of each: the log names the listener by it. */
const ENTRANCES = {
  "127.0.0.11": "connections: 10",
  "127.0.0.12": "connections_per_client: 3",
  "127.0.0.13": "connections: 4, connections_per_client: 2",
  "127.0.0.14": "connections_per_client: 1",
} as const;

type Entrance = keyof typeof ENTRANCES;

const TRUSTED = "127.0.0.5";

/** What a client that reads in bouts takes in each: far more than any system buffer holds in a second. */
const BOUT_BYTES = 4 << 20;

/** A proxy for each: what one waits for, others need not wait for too. */
describe("limits of connections", { concurrency: true }, () => {
  describe("who may enter, over two threads", { concurrency: 1 }, entrances);
  describe("of a connection", slowClients);
  describe("few open files", { concurrency: 1 }, openFiles);
});

function entrances(): void {
  let origin: RawOrigin;
  let proxy: Millrace;
  const clients: RawClient[] = [];
  before(async () => {
    origin = await startRawOrigin({});
    const listeners = Object.entries(ENTRANCES).map(([host, limits]) => `  - { address: "${host}:0", limits: { ${limits} } }`);
    proxy = await startMillrace(
      `listeners:\n${listeners.join("\n")}\nworkers: 2\nupstreams: { app: { endpoints: ["${origin.url}"] } }\nroutes: [{ upstream: app }]\nadmin: { address: 127.0.0.1:0 }\ntrusted_proxies: [${TRUSTED}]\n`,
    );
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await proxy.stop();
    await origin.close();
  });

  /** Connects from that address of this machine; resolves with the client once it was answered, or with null once it was turned away. */
  const enter = async (entrance: Entrance, from: string = "127.0.0.1", fields: readonly string[] = []): Promise<RawClient | null> => {
    const port = new RegExp(`listening on http://${entrance}:(\\d+)`).exec(proxy.output())?.[1];
    const client = await RawClient.connect(Number(port), entrance, from);
    clients.push(client);
    client.send(get("/", fields));
    await client.until(({ received, ended, closed }) => received.includes("\r\n\r\n") || ended || closed, "an answer or an end");
    return client.received.startsWith("HTTP/1.1 200 ") ? client : null;
  };

  test("a listener takes as many connections as it may", { timeout: 60_000 }, async () => {
    const refused = async (): Promise<number> => (await Scrape.of(proxy.adminPort)).single("connections_refused");
    const refusedBefore = await refused();
    const inside: RawClient[] = [];
    for (let count = 0; count < 10; count++) inside.push((await enter("127.0.0.11")) ?? assert.fail(`connection ${count} was turned away`));
    for (let count = 0; count < 4; count++) assert.equal(await enter("127.0.0.11"), null);
    assert.equal((await refused()) - refusedBefore, 4);
    // One leaves, one may enter: the place is free when the proxy has seen the end.
    inside.pop()?.destroy();
    while ((await enter("127.0.0.11")) === null);
    assert.equal(await enter("127.0.0.11"), null);
  });

  test("one client takes no more connections than it may, another one is let in", { timeout: 60_000 }, async () => {
    for (let count = 0; count < 3; count++) assert.notEqual(await enter("127.0.0.12"), null);
    assert.equal(await enter("127.0.0.12"), null);
    assert.notEqual(await enter("127.0.0.12", "127.0.0.2"), null, "another client was turned away");
  });

  test(
    "refused connections are in the log with limit and client, and with a hint where the client looks like a proxy",
    { timeout: 60_000 },
    async () => {
      const from = (address: string, fields: readonly string[] = []): Promise<RawClient | null> => enter("127.0.0.13", address, fields);
      const lines = (event: string): string[] =>
        proxy.output().match(new RegExp(`^.*"event":"${event}".*"listener":"127\\.0\\.0\\.13:0".*$`, "gm")) ?? [];
      const logged = (limit: string): string => lines("connections_refused").find((line) => line.includes(`"limit":"${limit}"`)) ?? "";
      for (let count = 0; count < 2; count++) assert.notEqual(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"]), null);
      await proxy.until(() => /127\.0\.0\.1 sends X-Forwarded-\*/.test(lines("proxy_not_trusted").join()), "the hint");
      for (let count = 0; count < 20; count++) assert.equal(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"]), null);
      await proxy.until(() => logged("connections_per_client") !== "", "the refusals");
      const said: unknown = JSON.parse(logged("connections_per_client"));
      assert.partialDeepStrictEqual(said, { level: "warn", listener: "127.0.0.13:0", allowed: 2, client: "127.0.0.1" });
      assert.match(logged("connections_per_client"), /and sends X-Forwarded-\*; if it is a proxy of yours, list it in trusted_proxies/);
      for (let count = 0; count < 2; count++) assert.notEqual(await from("127.0.0.2"), null);
      for (let count = 0; count < 20; count++) assert.equal(await from("127.0.0.3"), null);
      await proxy.until(() => logged("connections") !== "", "the other refusals");
      assert.match(
        logged("connections"),
        /turned away \d+ connections?, the last from 127\.0\.0\.3: as many are open as the listener may have/,
      );
      assert.equal(lines("connections_refused").length + lines("proxy_not_trusted").length, 3, "once, not per request");
    },
  );

  test("a trusted proxy has no limit of its own: it speaks for many", { timeout: 60_000 }, async () => {
    for (let count = 0; count < 5; count++) assert.notEqual(await enter("127.0.0.14", TRUSTED), null);
    assert.notEqual(await enter("127.0.0.14", "127.0.0.2"), null);
    assert.equal(await enter("127.0.0.14", "127.0.0.2"), null);
  });
}

function slowClients(): void {
  let origin: RawOrigin;
  let proxy: Millrace;
  before(async () => {
    origin = await startRawOrigin({
      onHead: (_, socket) => {
        flood(socket);
        return true;
      },
    });
    proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0", limits: { response_rate: 64KiB }, timeouts: { idle: 1s } }]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"], timeouts: { idle: 400ms } } }
routes: [{ upstream: app }]
`);
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  test(
    "a client that takes too little of its response in each span is cut, one that takes enough is not",
    { timeout: 60_000 },
    async (t) => {
      const begun = performance.now();
      const slow = await RawClient.connect(proxy.port);
      slow.socket.pause();
      slow.send(get("/endless/slow"));
      const steady = await RawClient.connect(proxy.port);
      // For most of the time it does not read either.
      let taken = 0;
      steady.socket.on("data", (chunk: Buffer) => {
        steady.received = "";
        taken += chunk.length;
        if (taken >= BOUT_BYTES) steady.socket.pause();
      });
      steady.send(get("/endless/steady"));
      const reading = setInterval(() => {
        taken = 0;
        steady.socket.resume();
      }, 50);
      t.after(() => clearInterval(reading));
      const lines = (path: string): readonly LogRecord[] => proxy.access().filter((line) => line["path"] === path);
      await proxy.until(() => lines("/endless/slow").some(({ outcome }) => outcome === "client_stalled"), "the slow client's end");
      assert.ok(performance.now() - begun < 10_000);
      assert.deepEqual(lines("/endless/steady"), []);
      assert.ok(!steady.closed);
      slow.destroy();
      steady.destroy();
    },
  );
}

/** Answers with a body that no buffer between here and the client can hold. */
function flood(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
  const piece = Buffer.alloc(1 << 20, 0x61);
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

/** A proxy with few open files, before an origin that leaves answers of /hold unfinished. It listens at a port and at a Unix socket. */
interface Crowded {
  readonly proxy: Millrace;
  readonly socketPath: string;
  /** Connections of the origin on which an answer is unfinished. */
  readonly unfinished: Socket[];
  end(): Promise<void>;
}

async function startCrowded(): Promise<Crowded> {
  const unfinished: Socket[] = [];
  const origin = await startRawOrigin({
    onRequest: (request) => {
      if (!request.head.startsWith("GET /hold")) return answerOk(request);
      request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nheld");
      unfinished.push(request.socket);
    },
  });
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-crowd-"));
  const socketPath = path.join(folder, "socket");
  const proxy = await startMillrace(
    `
listeners: [{ address: "127.0.0.1:0" }, { address: "unix:${socketPath}" }]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
admin: { address: 127.0.0.1:0 }
`,
    {},
    { openFiles: 160 },
  );
  const end = async (): Promise<void> => {
    await proxy.stop();
    await origin.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { proxy, socketPath, unfinished, end };
}

/** The clients of one test. */
interface Crowd {
  readonly proxy: Millrace;
  readonly clients: readonly RawClient[];
  /** How often the log has said that since the test began. */
  said(event: "sockets_short" | "sockets_enough"): number;
  /** A further client, which asks for that path. */
  come(path?: string): Promise<RawClient>;
  /** All clients but these leave. */
  leave(...but: readonly RawClient[]): void;
}

function openFiles(): void {
  let crowded: Promise<Crowded> | null = null;
  after(async () => (await crowded)?.end());

  /** Nobody else is there, and open files are enough. */
  async function crowd(t: TestContext, kind: "tcp" | "unix"): Promise<Crowd> {
    const { proxy, socketPath, unfinished } = await (crowded ??= startCrowded());
    const saidBefore = { sockets_short: proxy.count("sockets_short"), sockets_enough: proxy.count("sockets_enough") };
    const said = (event: keyof typeof saidBefore): number => proxy.count(event) - saidBefore[event];
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
    t.after(async () => {
      leave();
      if (crowded === null) return;
      await Scrape.until(proxy.adminPort, (scrape) => scrape.single("connections_open") === 0, "the end of the clients");
      await proxy.until(() => said("sockets_short") === said("sockets_enough"), "its recovery");
    });
    const come = async (target?: string): Promise<RawClient> => {
      const client = kind === "unix" ? await RawClient.connectPath(socketPath) : await RawClient.connect(proxy.port);
      clients.push(client);
      if (target !== undefined) client.send(get(target));
      return client;
    };
    return { proxy, clients, said, come, leave };
  }

  /** Takes what sockets there are with exchanges that do not end. */
  async function fill({ proxy, clients, said, come }: Crowd): Promise<void> {
    const isFull = (): boolean => said("sockets_short") > 0;
    for (let exchanges = 1; !isFull(); exchanges++) {
      assert.ok(clients.length < 160, "there is no end of sockets");
      await come("/hold");
      // The warning is written by another thread: one client more may have come meanwhile, who waits.
      await Scrape.until(proxy.adminPort, (scrape) => isFull() || scrape.single("exchanges_in_flight") === exchanges, "the exchange");
    }
    assert.ok(clients.length > 10, `only ${clients.length} clients were served`);
  }

  /** How many sockets there are, as the last warning says. */
  const socketsOf = (proxy: Millrace): number => {
    const [line = "{}"] =
      proxy
        .output()
        .match(/\{.*"event":"sockets_short".*\}/g)
        ?.slice(-1) ?? [];
    return Number((JSON.parse(line) as { sockets?: number }).sockets);
  };

  test("when open files run short, accepting pauses, goes on later, and it is said once", { timeout: 60_000 }, async (t) => {
    const full = await crowd(t, "tcp");
    const { proxy, clients, said, come, leave } = full;
    const metricsBefore = await Scrape.of(proxy.adminPort);
    const failuresBefore = proxy.count("accept_failed");
    await fill(full);
    const served = clients.length;
    const waiting: RawClient[] = [];
    while (waiting.length < 200) waiting.push(await come(`/${waiting.length}`));
    const metrics = await Scrape.of(proxy.adminPort);
    const moved = (name: string): number => metrics.single(name) - metricsBefore.single(name);
    // Those that came before the warning was read may be among the served.
    assert.ok(moved("connections_accepted") <= served + 2, `${moved("connections_accepted")} were accepted`);
    assert.equal(moved("connections_refused"), 0);
    assert.ok(waiting.slice(2).every(({ received, closed }) => received === "" && !closed));
    leave(...waiting);
    for (const client of waiting) {
      assert.equal((await client.response()).status, 200);
      client.destroy();
    }
    await proxy.until(() => said("sockets_enough") > 0, "its recovery");
    assert.equal(said("sockets_short"), 1);
    assert.equal(proxy.count("accept_failed"), failuresBefore);
    // After a pause the listener still knows whom it accepts.
    const next = await RawClient.connect(proxy.port, "127.0.0.1", "127.0.0.9");
    next.send(get("/"));
    await next.response();
    next.destroy();
    await proxy.until(() => proxy.access().some(({ client }) => client === "127.0.0.9"), "its line in the log");
  });

  test("when open files run short, idle connections make place for new ones", { timeout: 60_000 }, async (t) => {
    const full = await crowd(t, "tcp");
    // Of one that came and has not asked yet nobody knows that it is idle.
    const silent = await full.come();
    const idle: RawClient[] = [];
    for (let count = 0; count < 5; count++) idle.push(await full.come("/"));
    for (const client of idle) await client.response();
    await fill(full);
    // The warning may be read late: some have left by then.
    while (idle.some(({ ended, closed }) => !ended && !closed)) {
      const next = await full.come("/hold");
      await next.until(({ received }) => received.endsWith("held"), "the beginning of its answer");
      assert.ok(!silent.ended && !silent.closed, "only the end of the silent one has made place");
    }
    silent.send(get("/hold"));
    await silent.until(({ received }) => received.endsWith("held"), "the beginning of its answer");
    // Nobody but them made place: all others are served.
    const isFull = (scrape: Scrape): boolean => 2 * scrape.single("exchanges_in_flight") >= socketsOf(full.proxy) - 2;
    await Scrape.until(full.proxy.adminPort, isFull, "the exchanges of all the others");
  });

  test("a file is kept free for each client's connection to an endpoint", { timeout: 60_000 }, async (t) => {
    const { proxy, clients, said, come } = await crowd(t, "tcp");
    const isShort = (): boolean => said("sockets_short") > 0;
    while (!isShort()) {
      await come();
      const isOpen = (scrape: Scrape): boolean => isShort() || scrape.single("connections_open") === clients.length;
      await Scrape.until(proxy.adminPort, isOpen, "the connection");
    }
    const sockets = socketsOf(proxy);
    assert.ok(Math.abs(2 * clients.length - sockets) <= 4, `${clients.length} clients, ${sockets} sockets`);
  });

  test("a listener that cannot pause tells new clients that open files are short", { timeout: 60_000 }, async (t) => {
    const full = await crowd(t, "unix");
    const { proxy, said, come, leave } = full;
    const refused = async (): Promise<number> => (await Scrape.of(proxy.adminPort)).single("connections_refused");
    const refusedBefore = await refused();
    await fill(full);
    for (let count = 0; count < 3; count++) {
      const client = await come("/");
      assert.match((await client.response()).head, /^HTTP\/1\.1 503 .*\r\n(?:.*\r\n)*Retry-After: 1\r\n/);
      client.destroy();
    }
    const refusals = (await refused()) - refusedBefore;
    // Or one more, who came before the warning was read.
    assert.ok(refusals === 3 || refusals === 4, `${refusals} were refused`);
    leave();
    await proxy.until(() => said("sockets_enough") > 0, "its recovery");
    const next = await come("/");
    assert.equal((await next.response()).status, 200);
  });

  test("a proxy stops as ever while new connections wait", { timeout: 60_000 }, async (t) => {
    const full = await crowd(t, "tcp");
    const { proxy, come, leave } = full;
    await fill(full);
    const waiting = await come("/");
    // Whatever test comes next has another proxy.
    const ending = await crowded;
    crowded = null;
    proxy.process.kill("SIGTERM");
    await proxy.until((output) => output.includes('"event":"draining"'), "the drain");
    leave(waiting);
    await proxy.until((output) => output.includes('"event":"stopped"'), "its end");
    // It is answered and ended when it came before the warning was read, else reset.
    await waiting.end();
    await ending?.end();
  });
}
