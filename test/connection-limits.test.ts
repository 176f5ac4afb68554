/** What one client may cost: connections, requests on them, answers that it does not take. Threads and open files: e2e/connection-limits.command.test.ts. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { LogEntry, TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, isOver, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

/** Listeners that differ in what they take. The key is the address of each: the log names the listener by it. */
const ENTRANCES = {
  "127.0.0.11": "connections: 10",
  "127.0.0.12": "connections_per_client: 3",
  "127.0.0.13": "connections: 4, connections_per_client: 2",
  "127.0.0.14": "connections_per_client: 1",
} as const;

type Entrance = keyof typeof ENTRANCES;

const TRUSTED = "127.0.0.5";

/** Listeners of one proxy that differ in what a connection may do. */
const LISTENERS = {
  "three requests": "limits: { requests_per_connection: 3 }",
  "five at once": "limits: { pipelined_requests: 5 }",
  "idle for 4 s": "timeouts: { keep_alive: 4s }",
  "256 KiB a second": "limits: { response_rate: 256KiB }, timeouts: { idle: 1s }",
  "no limits": "",
} as const;

/** What a client that reads in bouts takes in each: more than the buffers on the way hold. */
const BOUT_BYTES = 1 << 20;

const PIECE = Buffer.alloc(1 << 16, 0x61);

/** Sends as much as is taken, until the other side has given up. */
async function pour(connection: TestConnection): Promise<void> {
  while (!isOver(connection)) {
    connection.send(PIECE);
    await connection.untilSent();
  }
}

describe("who may enter", { concurrency: 1 }, async () => {
  const listeners = Object.entries(ENTRANCES).map(([host, limits]) => `  - { address: "${host}:0", limits: { ${limits} } }`);
  const proxy = await testProxy(
    `listeners:\n${listeners.join("\n")}\nupstreams: { app: { endpoints: ["http://app.test"] } }\nroutes: [{ upstream: app }]\ntrusted_proxies: [${TRUSTED}]\n`,
    { upstreams: { app: new MemoryOrigin().script } },
  );
  after(() => proxy.close());

  /** Those that were answered, in order. */
  const inside: TestConnection[] = [];

  /** Connects from that address; resolves with whether the client was answered, and not turned away. */
  const enter = async (entrance: Entrance, from: string = "127.0.0.1", fields: readonly string[] = []): Promise<boolean> => {
    const client = proxy.connect({ listener: Object.keys(ENTRANCES).indexOf(entrance), from });
    client.send(get("/", fields));
    await proxy.advance(0);
    assert.ok(client.received.includes("\r\n\r\n") || isOver(client));
    const isIn = client.received.startsWith("HTTP/1.1 200 ");
    if (isIn) inside.push(client);
    return isIn;
  };

  test("a listener takes as many connections as it may", async () => {
    const refused = (): number => proxy.metrics.value("millrace_connections_refused_total");
    const refusedBefore = refused();
    for (let count = 0; count < 10; count++) assert.ok(await enter("127.0.0.11"), `connection ${count} was turned away`);
    for (let count = 0; count < 4; count++) assert.ok(!(await enter("127.0.0.11")));
    assert.equal(refused() - refusedBefore, 4);
    // One leaves, one may enter.
    inside.pop()?.close();
    await proxy.advance(0);
    assert.ok(await enter("127.0.0.11"));
    assert.ok(!(await enter("127.0.0.11")));
  });

  test("one client takes no more connections than it may, another one is let in", async () => {
    for (let count = 0; count < 3; count++) assert.ok(await enter("127.0.0.12"));
    assert.ok(!(await enter("127.0.0.12")));
    assert.ok(await enter("127.0.0.12", "127.0.0.2"), "another client was turned away");
  });

  test("refused connections are in the log with limit and client, and with a hint where the client looks like a proxy", async () => {
    const from = (address: string, fields: readonly string[] = []): Promise<boolean> => enter("127.0.0.13", address, fields);
    const lines = (name: string): LogEntry[] => proxy.log.filter(({ event, listener }) => event === name && listener === "127.0.0.13:0");
    const logged = (limit: string): LogEntry | undefined => lines("connections_refused").find((line) => line["limit"] === limit);
    for (let count = 0; count < 2; count++) assert.ok(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"]));
    assert.match(String(lines("proxy_not_trusted")[0]?.["message"]), /127\.0\.0\.1 sends X-Forwarded-\*/);
    for (let count = 0; count < 20; count++) assert.ok(!(await from("127.0.0.1", ["X-Forwarded-For: 192.0.2.1"])));
    await proxy.advance("2s");
    const said = logged("connections_per_client");
    assert.partialDeepStrictEqual(said, { level: "warn", listener: "127.0.0.13:0", allowed: 2, client: "127.0.0.1" });
    assert.match(String(said?.["message"]), /and sends X-Forwarded-\*; if it is a proxy of yours, list it in trusted_proxies/);
    for (let count = 0; count < 2; count++) assert.ok(await from("127.0.0.2"));
    for (let count = 0; count < 20; count++) assert.ok(!(await from("127.0.0.3")));
    await proxy.advance("2s");
    assert.match(
      String(logged("connections")?.["message"]),
      /turned away \d+ connections?, the last from 127\.0\.0\.3: as many are open as the listener may have/,
    );
    assert.equal(lines("connections_refused").length + lines("proxy_not_trusted").length, 3, "once, not per request");
  });

  test("a trusted proxy has no limit of its own: it speaks for many", async () => {
    for (let count = 0; count < 5; count++) assert.ok(await enter("127.0.0.14", TRUSTED));
    assert.ok(await enter("127.0.0.14", "127.0.0.2"));
    assert.ok(!(await enter("127.0.0.14", "127.0.0.2")));
  });
});

describe("of a connection", { concurrency: 1 }, async () => {
  const origin = new MemoryOrigin({
    onHead: (head, connection) => {
      if (head.startsWith("GET /endless/")) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
        void pour(connection);
      } else if (!head.startsWith("POST /standing")) return false;
      else {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
        // It reads nothing more either, after a moment in which the proxy could write all it had.
        connection.onData = () => connection.pause();
      }
      return true;
    },
  });
  const listeners = Object.values(LISTENERS).map((setting) => `  - { address: "127.0.0.1:0", ${setting} }`);
  const proxy = await testProxy(
    `
listeners:
${listeners.join("\n")}
upstreams:
  app: { endpoints: ["http://app.test"] }
  soon: { endpoints: ["http://app.test"], timeouts: { idle: 400ms } }
routes: [{ match: { path: /endless/ }, upstream: soon }, { match: { path: /standing }, upstream: soon }, { upstream: app }]
`,
    { upstreams: { "http://app.test": origin.script } },
  );
  after(() => proxy.close());

  const connect = (listener: keyof typeof LISTENERS): TestConnection =>
    proxy.connect({ listener: Object.keys(LISTENERS).indexOf(listener) });
  const requestsOf = (path: string): number => origin.requests.filter(({ head }) => head.startsWith(`GET ${path}`)).length;

  test("the last request that a connection may bring is answered with Connection: close", async () => {
    const client = connect("three requests");
    for (let count = 1; count <= 3; count++) {
      client.send(get(`/last/${count}`));
      const answers = await responses(client, count);
      assert.equal(answers.at(-1)?.status, 200);
      assert.equal(answers.at(-1)?.fields.get("connection")?.[0], count === 3 ? "close" : undefined);
    }
    client.send(get("/last/4"));
    await client.untilEnded();
    assert.equal(requestsOf("/last/"), 3);
  });

  test("an idle connection serves until its limit, and is closed then", async () => {
    const client = connect("idle for 4 s");
    for (let count = 1; count <= 3; count++) {
      client.send(get("/idle"));
      await responses(client, count);
      await proxy.advance(3900);
      assert.ok(!isOver(client));
    }
    await proxy.advance(200);
    assert.ok(isOver(client));
  });

  test("of too many requests at once the first ones are answered, and then the connection ends", async () => {
    const client = connect("five at once");
    client.send(get("/many").repeat(20));
    await client.untilEnded();
    const answers = await responses(client, 5);
    assert.equal(answers.length, 5);
    assert.equal(answers.at(-1)?.fields.get("connection")?.[0], "close");
    assert.equal(requestsOf("/many"), 5);
    // One after the other is no pipeline.
    const patient = connect("five at once");
    for (let count = 1; count <= 12; count++) {
      patient.send(get("/patient"));
      assert.equal((await responses(patient, count)).length, count);
    }
    patient.close();
  });

  test("a client that takes too little of its response in each span is cut, one that takes enough is not", async () => {
    const slow = connect("256 KiB a second");
    // A read of at most 64 KiB every 600 ms: within the idle limit, and too little.
    slow.onData = () => slow.pause();
    slow.send(get("/endless/slow"));
    const steady = connect("256 KiB a second");
    let taken = 0;
    steady.onData = (bytes) => {
      taken += bytes.length;
      if (taken >= BOUT_BYTES) steady.pause();
    };
    steady.send(get("/endless/steady"));
    const lines = (path: string): LogEntry[] => proxy.log.filter((line) => line["path"] === path);
    for (let bouts = 0; bouts < 50; bouts++) {
      // For most of the time it does not read either.
      taken = 0;
      steady.resume();
      if (bouts % 3 === 0) slow.resume();
      await proxy.advance(200);
      assert.ok(taken >= BOUT_BYTES);
    }
    assert.deepEqual(
      lines("/endless/slow").map(({ outcome }) => outcome),
      ["client_stalled"],
    );
    assert.deepEqual(lines("/endless/steady"), []);
    assert.ok(!isOver(steady));
    slow.close();
    steady.close();
  });

  test("a response that stands still is cut although its request still comes", async () => {
    const client = connect("no limits");
    client.send("POST /standing HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n");
    await client.until("begun");
    void pour(client);
    await proxy.advance(300);
    assert.ok(!isOver(client));
    await proxy.advance("2s");
    assert.ok(isOver(client));
    assert.ok(!client.received.includes("begunx"));
    client.close();
  });
});
