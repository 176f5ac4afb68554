/** Upstreams with `proxy_protocol`: each connection tells the endpoint for whom it was opened, and serves nobody else. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { readHeader } from "../src/proxy-protocol/header-reader.ts";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import type { OriginScript, TestConnection, TestProxy } from "../src/testing/test-proxy.ts";

const get = (path: string, ...lines: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

/** An endpoint that expects the header and answers what it said, as `client:port -> own:port`, or `nobody`. */
class Announced {
  /** What the header of each connection said. */
  readonly told: string[] = [];
  readonly connections: TestConnection[] = [];
  /** The bytes after the header, of all connections. */
  received: string = "";
  /** Called with each connection's number before it answers. Return false to answer nothing. */
  onRequest: (connection: TestConnection, request: string) => boolean = () => true;

  readonly script: OriginScript = script.raw((connection) => {
    this.connections.push(connection);
    let bytes = Buffer.alloc(0);
    let said: string | null = null;
    connection.onEnded = () => connection.end();
    connection.onData = (piece) => {
      bytes = Buffer.concat([bytes, piece]);
      if (said === null) {
        const read = readHeader(bytes, 0, bytes.length);
        assert.notEqual(read.kind, "fault", `the endpoint got ${JSON.stringify(bytes.toString("latin1"))}`);
        if (read.kind !== "header") return;
        const { addresses } = read.header;
        said =
          addresses === null
            ? "nobody"
            : `${addresses.source}:${addresses.sourcePort} -> ${addresses.destination}:${addresses.destinationPort}`;
        this.told.push(`v${read.header.version} ${said}`);
        bytes = bytes.subarray(read.end);
      }
      for (let end = bytes.indexOf("\r\n\r\n"); end >= 0; end = bytes.indexOf("\r\n\r\n")) {
        const request = bytes.toString("latin1", 0, end + 4);
        this.received += request;
        bytes = bytes.subarray(end + 4);
        if (this.onRequest(connection, request)) connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
      }
    };
  });

  get open(): number {
    return this.connections.filter(({ hasEnded, isClosed }) => !hasEnded && !isClosed).length;
  }
}

async function proxyTo(
  t: TestContext,
  origins: Announced | readonly Announced[],
  settings: string = "proxy_protocol: v2",
  more: string = "",
): Promise<TestProxy> {
  const list = origins instanceof Announced ? [origins] : origins;
  const proxy = await testProxy(
    `
listeners: [{ address: ":80" }]
trusted_proxies: [10.0.0.0/8]
upstreams:
  app: { endpoints: [${list.map((_, index) => `"http://app${index}.test"`).join(", ")}], ${settings} }
routes: [{ upstream: app ${more} }]
`,
    { upstreams: { app: list.map((origin) => origin.script) } },
  );
  t.after(() => proxy.close());
  return proxy;
}

/** Sends the request and waits for the next answer, which is taken. */
async function ask(client: TestConnection, request: string): Promise<string> {
  client.take();
  client.send(request);
  const head = await client.until("\r\n\r\n");
  const length = Number(/Content-Length: (\d+)/i.exec(head)?.[1]);
  const whole = await client.until((received) => received.length >= received.indexOf("\r\n\r\n") + 4 + length);
  return whole.slice(whole.indexOf("\r\n\r\n") + 4);
}

describe("the endpoint is told", () => {
  for (const version of ["v1", "v2"]) {
    test(`the client's address and port, and those that it connected to, in ${version}`, async (t) => {
      const origin = new Announced();
      const proxy = await proxyTo(t, origin, `proxy_protocol: ${version}`);
      assert.equal(await ask(proxy.connect({ from: "192.0.2.7" }), get("/")), "192.0.2.7:49152 -> 198.51.100.1:80");
      assert.equal(await ask(proxy.connect({ from: "2001:db8::7" }), get("/")), "2001:db8::7:49154 -> 198.51.100.1:80");
      assert.deepEqual(
        origin.told.map((line) => line.slice(0, 2)),
        [version, version],
      );
      assert.match(origin.received, /^GET \/ HTTP\/1\.1\r\nHost: a\.test\r\nX-Forwarded-For: 192\.0\.2\.7\r\n/);
    });
  }

  test("of the client that a trusted proxy names, without a port, and each client has a connection of its own", async (t) => {
    const origin = new Announced();
    const proxy = await proxyTo(t, origin);
    const client = proxy.connect({ from: "10.0.0.1" });
    const of = (address: string): Promise<string> => ask(client, get("/", `X-Forwarded-For: ${address}`));
    assert.equal(await of("203.0.113.1"), "203.0.113.1:0 -> 198.51.100.1:80");
    assert.equal(await of("203.0.113.2"), "203.0.113.2:0 -> 198.51.100.1:80");
    assert.equal(await of("203.0.113.1"), "203.0.113.1:0 -> 198.51.100.1:80");
    assert.equal(await ask(client, get("/")), "10.0.0.1:49152 -> 198.51.100.1:80");
    assert.equal(origin.connections.length, 3);
  });

  test("of the client that a load balancer names in its own header", async (t) => {
    const origin = new Announced();
    const proxy = await testProxy(
      `
listeners: [{ address: ":80", proxy_protocol: { from: [10.0.0.1] } }]
upstreams: { app: { endpoints: ["http://app.test"], proxy_protocol: v1 } }
routes: [{ upstream: app }]
`,
      { upstreams: { app: origin.script } },
    );
    t.after(() => proxy.close());
    const client = proxy.connect({ from: "10.0.0.1" });
    client.send("PROXY TCP4 203.0.113.9 198.51.100.9 5000 443\r\n");
    assert.equal(await ask(client, get("/")), "203.0.113.9:5000 -> 198.51.100.9:443");
    const other = proxy.connect({ from: "10.0.0.1" });
    other.send("PROXY UNKNOWN\r\n");
    assert.equal(await ask(other, get("/")), "10.0.0.1:49154 -> 198.51.100.1:80");
  });

  test("of nobody by probes", async (t) => {
    const origin = new Announced();
    const proxy = await proxyTo(t, origin, "proxy_protocol: v2, health_check: { path: /health, interval: 1s }");
    await proxy.advance("3s");
    assert.ok(origin.told.length >= 3);
    assert.deepEqual([...new Set(origin.told)], ["v2 nobody"]);
    assert.match(origin.received, /^GET \/health /);
  });
});

describe("a connection that names a client", () => {
  test("is used again by that client's connection, and by no other of the same address", async (t) => {
    const origin = new Announced();
    const proxy = await proxyTo(t, origin);
    const [one, other] = [proxy.connect(), proxy.connect()];
    const [first, second] = [await ask(one, get("/1")), await ask(other, get("/2"))];
    assert.notEqual(first, second);
    assert.deepEqual([await ask(one, get("/3")), await ask(other, get("/4"))], [first, second]);
    assert.deepEqual([origin.connections.length, origin.open], [2, 2]);
    assert.equal(proxy.metrics.value("millrace_upstream_connections_reused_total"), 2);
  });

  test("ends with the client's connection", async (t) => {
    const origin = new Announced();
    const proxy = await proxyTo(t, origin);
    const client = proxy.connect();
    await ask(client, get("/"));
    client.close();
    await origin.connections[0]?.untilEnded();
    await ask(proxy.connect(), get("/"));
    assert.deepEqual([origin.connections.length, origin.open], [2, 1]);
  });

  test("ends after keep_alive.idle, at keep_alive.max_age, and after each response with max_idle: 0", async (t) => {
    for (const [settings, wait] of [
      ["keep_alive: { idle: 2s }", "2100ms"],
      ["keep_alive: { max_age: 2s }", "2100ms"],
      ["keep_alive: { max_idle: 0 }", "25ms"],
    ] as const) {
      const origin = new Announced();
      const proxy = await proxyTo(t, origin, `proxy_protocol: v2, ${settings}`);
      const client = proxy.connect();
      const first = await ask(client, get("/"));
      await proxy.advance(wait);
      assert.equal(await ask(client, get("/")), first);
      assert.deepEqual([origin.connections.length, origin.open], [2, settings.includes("max_idle") ? 0 : 1], settings);
    }
  });

  test("does not decide where the client's next request goes", async (t) => {
    const origins = [new Announced(), new Announced()];
    const proxy = await proxyTo(t, origins);
    const client = proxy.connect();
    for (let asked = 0; asked < 6; asked++) await ask(client, get("/"));
    assert.deepEqual(
      origins.map(({ connections, received }) => [connections.length, received.split("GET ").length - 1]),
      [
        [1, 3],
        [1, 3],
      ],
    );
  });

  test("stays that client's when a user is authenticated on it", async (t) => {
    const origins = [new Announced(), new Announced()];
    const proxy = await proxyTo(t, origins);
    const client = proxy.connect({ from: "10.0.0.1" });
    const of = (address: string): Promise<string> =>
      ask(client, get("/", `X-Forwarded-For: ${address}`, "Authorization: NTLM TlRMTVNTUAAB"));
    for (let asked = 0; asked < 3; asked++) assert.match(await of("203.0.113.1"), /^203\.0\.113\.1:0/);
    assert.equal(origins.filter(({ connections }) => connections.length > 0).length, 1, "the authenticated one is asked again");
    for (let asked = 0; asked < 3; asked++) assert.match(await of("203.0.113.2"), /^203\.0\.113\.2:0/);
  });
});

describe("failures and more", () => {
  test("a further attempt at another endpoint tells that one too", async (t) => {
    const origins = [new Announced(), new Announced()];
    for (const origin of origins) {
      origin.onRequest = (connection) => {
        if (origins.reduce((sum, { connections }) => sum + connections.length, 0) > 1) return true;
        connection.reset();
        return false;
      };
    }
    const proxy = await proxyTo(t, origins);
    assert.equal(await ask(proxy.connect(), get("/")), "192.0.2.1:49152 -> 198.51.100.1:80");
    assert.deepEqual(
      origins.map(({ told }) => told),
      [["v2 192.0.2.1:49152 -> 198.51.100.1:80"], ["v2 192.0.2.1:49152 -> 198.51.100.1:80"]],
    );
  });

  test("a reload that changes the version opens new connections", async (t) => {
    const origin = new Announced();
    const config = (version: string): string => `
listeners: [{ address: ":80" }]
upstreams: { app: { endpoints: ["http://app.test"], proxy_protocol: ${version} } }
routes: [{ upstream: app }]
`;
    const proxy = await testProxy(config("v1"), { upstreams: { app: origin.script } });
    t.after(() => proxy.close());
    const client = proxy.connect();
    await ask(client, get("/"));
    await proxy.reload(config("v2"));
    await ask(client, get("/"));
    assert.deepEqual(
      origin.told.map((line) => line.slice(0, 2)),
      ["v1", "v2"],
    );
    client.close();
    for (const connection of origin.connections) await connection.untilEnded();
  });

  test("a request on a connection that the endpoint has closed meanwhile is sent over a new one", async (t) => {
    const origin = new Announced();
    const proxy = await proxyTo(t, origin);
    const client = proxy.connect();
    const first = await ask(client, get("/"));
    origin.connections[0]?.close();
    assert.equal(await ask(client, get("/")), first);
    assert.equal(origin.connections.length, 2);
  });

  test("a tunnel", async (t) => {
    const origin = new Announced();
    origin.onRequest = (connection) => {
      connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
      return false;
    };
    const proxy = await proxyTo(t, origin, "proxy_protocol: v2", ", upgrade: [tcp]");
    const client = proxy.connect();
    client.send(get("/", "Connection: Upgrade", "Upgrade: tcp"));
    await client.until("hello");
    assert.deepEqual(origin.told, ["v2 192.0.2.1:49152 -> 198.51.100.1:80"]);
  });

  test("an upstream without the key gets no header, and its connections are shared", async (t) => {
    let connections = 0;
    const plain = script.raw(async (connection) => {
      connections++;
      for (let asked = 1; ; asked++) {
        await connection.until((received) => received.split("\r\n\r\n").length > asked);
        assert.match(connection.received, /^GET \/ HTTP/);
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    });
    const proxy = await testProxy({ routes: [{ upstream: "app" }] }, { upstreams: { app: plain } });
    t.after(() => proxy.close());
    assert.deepEqual([await ask(proxy.connect(), get("/")), await ask(proxy.connect(), get("/")), connections], ["ok", "ok", 1]);
  });

  test("copies of requests tell of the client whose request it was, and keep no connection", async (t) => {
    const [app, shadow] = [new Announced(), new Announced()];
    const proxy = await testProxy(
      `
listeners: [{ address: ":80" }]
upstreams:
  app: { endpoints: ["http://app.test"], proxy_protocol: v1 }
  shadow: { endpoints: ["http://shadow.test"], proxy_protocol: v2 }
routes: [{ upstream: app, mirror: { upstream: shadow } }]
`,
      { upstreams: { app: app.script, shadow: shadow.script } },
    );
    t.after(() => proxy.close());
    const client = proxy.connect();
    const told = [await ask(client, get("/")), await ask(client, get("/"))];
    await proxy.advance("100ms");
    assert.deepEqual(
      shadow.told,
      told.map((line) => `v2 ${line}`),
    );
    assert.deepEqual([app.open, shadow.open], [1, 0]);
  });
});
