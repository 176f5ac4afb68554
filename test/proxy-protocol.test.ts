/** Listeners behind load balancers that speak the PROXY protocol: the client that the header names counts as the connection's peer. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { buildV2, tlsTlv } from "../src/proxy-protocol/build-v2.fixture.ts";

const BALANCER = "10.0.0.1";
const CLIENT = "192.0.2.1";
const V1 = `PROXY TCP4 ${CLIENT} 198.51.100.2 56324 443\r\n`;
const get = (path: string, ...lines: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

const proxy = await testProxy(
  `
listeners:
  - address: ":80"
    proxy_protocol: { from: [10.0.0.0/24] }
    timeouts: { proxy_protocol: 2s }
    limits: { connections_per_client: 2 }
trusted_proxies: [203.0.113.0/24]
logging: { level: info }
upstreams: { app: { endpoints: ["http://app.test"] } }
routes:
  - { match: { path: /closed }, access: { deny: [192.0.2.0/24] }, upstream: app }
  - { match: { path: /one, client_ip: ${CLIENT} }, respond: { body: "it is you" } }
  - { match: { path: /limited }, rate_limit: { requests_per_minute: 1, burst: 1 }, upstream: app }
  - { upstream: app }
`,
  {
    upstreams: {
      app: ({ headers }: Request) => new Response(`${headers.get("x-forwarded-for")} ${headers.get("x-forwarded-proto")}`),
    },
  },
);
after(() => proxy.close());

function connect(): TestConnection {
  return proxy.connect({ from: BALANCER });
}

/** The body of the answer to that request, on a connection of its own. */
async function bodyOf(header: string | Uint8Array, request: string): Promise<string> {
  const connection = connect();
  connection.send(header);
  connection.send(request);
  const head = await connection.until("\r\n\r\n");
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
  const whole = await connection.until((received) => received.length >= received.indexOf("\r\n\r\n") + 4 + length);
  connection.close();
  return whole.slice(whole.indexOf("\r\n\r\n") + 4);
}

describe("the client of the header", () => {
  test("is the one that is forwarded, logged, matched and judged", async () => {
    assert.equal(await bodyOf(V1, get("/", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")), `${CLIENT} http`);
    assert.equal(await bodyOf(buildV2(), get("/one")), "it is you");
    assert.match(await bodyOf(V1, get("/closed")), /403|Forbidden/i);
    assert.equal(proxy.log.filter(({ event }) => event === "access").at(-1)?.["client"], CLIENT);
  });

  test("has its own budget, whoever else comes from the same load balancer", async () => {
    const other = V1.replace(CLIENT, "192.0.2.7");
    assert.match(await bodyOf(V1, get("/limited")), /^192\.0\.2\.1/);
    assert.match(await bodyOf(V1, get("/limited")), /429|Too Many/i);
    assert.match(await bodyOf(other, get("/limited")), /^192\.0\.2\.7/);
  });

  test("is believed about others only as one of trusted_proxies", async () => {
    const trusted = V1.replace(CLIENT, "203.0.113.5");
    assert.equal(await bodyOf(trusted, get("/", "X-Forwarded-For: 198.51.100.77")), "198.51.100.77, 203.0.113.5 http");
  });

  test("is on https if the header says so", async () => {
    assert.equal(await bodyOf(buildV2({ tlvs: [tlsTlv(1, 0, [])] }), get("/")), `${CLIENT} https`);
  });

  test("is the load balancer itself for LOCAL and UNKNOWN", async () => {
    assert.equal(await bodyOf(buildV2({ command: 0x20, family: 0, addresses: "" }), get("/")), `${BALANCER} http`);
    assert.equal(await bodyOf("PROXY UNKNOWN\r\n", get("/")), `${BALANCER} http`);
  });

  test("has no more connections than one client may have, and the load balancer as many as it likes", async () => {
    const open = ["192.0.2.50", "192.0.2.50", "192.0.2.51", "192.0.2.52"].map((client) => {
      const connection = connect();
      connection.send(V1.replace(CLIENT, client) + get("/"));
      return connection;
    });
    for (const connection of open) await connection.until("HTTP/1.1 200");
    const further = connect();
    further.send(V1.replace(CLIENT, "192.0.2.50") + get("/"));
    assert.equal(await further.untilEnded(), "");
    for (const connection of open) connection.close();
  });

  test("may come split at every byte, with a request in the same read", async () => {
    const connection = connect();
    for (const byte of V1 + get("/")) {
      connection.send(byte);
      await connection.untilSent();
    }
    await connection.until(`${CLIENT} http`);
    connection.close();
  });
});

test("fetch of the test kit comes through a load balancer", async () => {
  assert.equal(await (await proxy.fetch("http://a.test/", { from: "192.0.2.99" })).text(), "192.0.2.99 http");
});

describe("a connection is closed without an answer", () => {
  const refused = (): number => proxy.metrics.value("millrace_proxy_headers_refused_total");

  for (const [what, bytes] of [
    ["a request instead of a header", get("/")],
    ["a TLS client hello instead of a header", "\x16\x03\x01\x02\x00\x01\x00"],
    ["a malformed line", `PROXY TCP4 ${CLIENT} 198.51.100.2 56324\r\n${get("/")}`],
    ["a wrong checksum", buildV2({ tlvs: [{ type: 3, value: "\0\0\0\0" }] })],
    ["a header without end", `PROXY UNKNOWN ${"x".repeat(200)}`],
  ] as const) {
    test(`for ${what}`, async () => {
      const before = refused();
      const connection = connect();
      connection.send(bytes);
      assert.equal(await connection.untilEnded(), "");
      assert.equal(refused(), before + 1);
    });
  }

  test("if it comes from outside, even with a right header", async () => {
    const before = refused();
    for (const from of ["10.0.1.1", CLIENT, "203.0.113.5", "127.0.0.1"]) {
      const connection = proxy.connect({ from });
      connection.send(V1 + get("/"));
      assert.equal(await connection.untilEnded(), "");
    }
    assert.equal(refused(), before + 4);
  });

  test("if its header takes too long", async () => {
    const [silent, slow] = [connect(), connect()];
    slow.send(V1.slice(0, 30));
    await proxy.advance("1900ms");
    slow.send(V1.slice(30, 35));
    assert.deepEqual([silent.hasEnded, slow.hasEnded], [false, false]);
    await proxy.advance("200ms");
    assert.deepEqual([silent.hasEnded, slow.hasEnded, slow.received], [true, true, ""]);
  });

  test("and the log says so once a minute", () => {
    const lines = proxy.log.filter(({ event }) => event === "proxy_header_refused");
    assert.equal(lines.length, 1);
    assert.match(
      String(lines[0]?.["message"]),
      /^:80 closed 1 connection, the last from 10\.0\.0\.1: it does not begin with a PROXY header/,
    );
  });
});

test("a reload begins and ends to expect the header with the next connection", async (t) => {
  const config = (listener: string): string => `
listeners: [{ address: ":80"${listener} }]
upstreams: { app: { endpoints: ["http://app.test"] } }
routes: [{ upstream: app }]
`;
  const app = ({ headers }: Request): Response => new Response(headers.get("x-forwarded-for"));
  const reloaded = await testProxy(config(""), { upstreams: { app } });
  t.after(() => reloaded.close());
  const before = reloaded.connect({ from: BALANCER });
  before.send(get("/"));
  await before.until(BALANCER);
  await reloaded.reload(config(", proxy_protocol: { from: [10.0.0.1] }"));
  before.take();
  before.send(get("/"));
  await before.until(BALANCER);
  const named = reloaded.connect({ from: BALANCER });
  named.send(V1 + get("/"));
  await named.until(CLIENT);
  await reloaded.reload(config(", proxy_protocol: { from: [10.0.0.2] }"));
  named.take();
  named.send(get("/"));
  await named.until(CLIENT);
  const refused = reloaded.connect({ from: BALANCER });
  refused.send(V1 + get("/"));
  assert.equal(await refused.untilEnded(), "");
  await reloaded.reload(config(""));
  const plain = reloaded.connect({ from: BALANCER });
  plain.send(get("/"));
  await plain.until(BALANCER);
});

test("after the header, a second one is a malformed request", async () => {
  const connection = connect();
  connection.send(V1 + V1 + get("/"));
  assert.match(await connection.untilEnded(), /^HTTP\/1\.1 400 /);
});
