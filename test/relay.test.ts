/** The relay under the conditions that real clients and origins make: connection reuse, aborts, early answers, half-closes, tunnels. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, answerOk, ask, isOver, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

const held: TestConnection[] = [];
const origin = new MemoryOrigin({
  onHead: (head, connection) => {
    if (head.startsWith("GET /hold") || head.startsWith("POST /hold")) {
      held.push(connection);
      return true;
    }
    if (head.startsWith("POST /early")) {
      connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly");
      return true;
    }
    if (head.includes("Expect: 100-continue")) connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    return false;
  },
});

/** Closes every connection when the second request on it arrives: the pooled one is dead before a byte of the answer. */
const resetting = new MemoryOrigin({
  onRequest: (request) => {
    if (request.earlier > 0) request.connection.reset();
    else answerOk(request);
  },
});

/** Says how long it keeps idle connections, as Node's origins do. */
const closing = new MemoryOrigin({
  onRequest: ({ connection }) =>
    connection.send("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok"),
});

const partly = new MemoryOrigin();
const weighted = [new MemoryOrigin(), new MemoryOrigin(), new MemoryOrigin()];

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

function handshake(path: string): string {
  return get(path, ["Connection: keep-alive, Upgrade", "Upgrade: websocket", `Sec-WebSocket-Key: ${KEY}`, "Sec-WebSocket-Version: 13"]);
}

/** Fields that a 101 must not have. */
const ODD_FIELDS = ["Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"];

const tunnels = new MemoryOrigin({
  onHead: (head, connection) => {
    const [, path = ""] = head.split(" ");
    if (path.startsWith("/tunnels/none") || path === "/tunnels/unasked") return false;
    if (path === "/tunnels/echo" && (!/\r\nUpgrade: websocket\r\n/i.test(head) || !/\r\nConnection: Upgrade\r\n/i.test(head))) return false;
    const odd = ODD_FIELDS[Number(path.split("/odd/")[1])];
    const fields = odd === undefined ? "" : `${odd}\r\n`;
    connection.send(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n${fields}Connection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
    if (path === "/tunnels/echo" || odd !== undefined) {
      connection.send("hello first");
      connection.onData = (bytes) => void connection.send(bytes);
    }
    return true;
  },
  onRequest: (request) => {
    if (!request.head.startsWith("GET /tunnels/unasked ")) return answerOk(request);
    request.connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
  },
});

/** All tests share it: the first segment of a path says to whom a request goes. */
const proxy = await testProxy(
  `
listeners: [{ address: "127.0.0.1:0" }]
upstreams:
  app: { endpoints: ["http://app.test"] }
  resetting: { endpoints: ["http://resetting.test"] }
  closing: { endpoints: ["http://closing.test"] }
  partly: { endpoints: ["http://dead.test", "http://partly.test"] }
  weighted: { endpoints: ["http://one.test", { url: "http://two.test", weight: 2 }, { url: "http://three.test", weight: 3 }] }
  tunnels: { endpoints: ["http://tunnels.test"] }
  idle: { endpoints: ["http://tunnels.test"], timeouts: { tunnel_idle: 200ms } }
routes:
${["resetting", "closing", "partly", "weighted", "tunnels", "idle"].map((name) => `  - { match: { path: "/${name}/*" }, upstream: ${name} }`).join("\n")}
  - { upstream: app }
`,
  {
    upstreams: {
      app: origin.script,
      resetting: resetting.script,
      closing: closing.script,
      partly: [script.refuse(), partly.script],
      weighted: weighted.map((each) => each.script),
      "http://tunnels.test": tunnels.script,
    },
  },
);
after(() => proxy.close());

describe("relay", () => {
  test("answers pipelined requests in order", async () => {
    const client = proxy.connect();
    const before = origin.requests.length;
    client.send(
      `${get("/1")}POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc${get("/3")}${get("/4", ["Connection: close"])}${get("/5")}`,
    );
    await client.untilEnded();
    assert.equal((await responses(client, 4)).length, 4, "the request behind `close` is not answered");
    assert.deepEqual(
      origin.requests.slice(before).map(({ head }) => head.split(" ")[1]),
      ["/1", "/2", "/3", "/4"],
    );
    client.close();
  });

  test("uses one upstream connection for one exchange after the other", async () => {
    const client = proxy.connect();
    const before = origin.connections.length;
    for (let count = 1; count <= 5; count++) {
      client.send(get(`/reuse/${count}`));
      await responses(client, count);
    }
    assert.ok(origin.connections.length - before <= 1);
    client.close();
  });

  test("relays 100 Continue, then the body", async () => {
    const client = proxy.connect();
    client.send("POST /expect HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const [interim] = await responses(client, 1);
    assert.equal(interim?.status, 100);
    client.send("hello");
    const [, final] = await responses(client, 2);
    assert.equal(final?.status, 200);
    assert.equal(origin.requests.at(-1)?.body, "hello");
    client.close();
  });

  test("relays an early answer at once, says that the connection ends, and does not use the upstream connection again", async () => {
    const client = proxy.connect();
    client.send("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nbegin");
    const [response] = await responses(client, 1);
    assert.equal(response?.status, 413);
    assert.equal(response.body, "early");
    assert.deepEqual(response.fields.get("connection"), ["close"]);
    await client.untilEnded();
    client.close();
    assert.equal((await ask(proxy, get("/after-early"))).body, "ok");
  });

  test("aborts the upstream exchange when the client is gone", async () => {
    for (const leave of ["reset", "close"] as const) {
      const client = proxy.connect();
      const before = held.length;
      client.send(get("/hold"));
      await proxy.advance(0);
      const atOrigin = held[before] ?? assert.fail("no request at the origin");
      client[leave]();
      await proxy.advance("10s");
      assert.ok(isOver(atOrigin));
    }
    assert.equal(proxy.log.filter(({ status }) => status === 499).length, 2);
  });

  test("answers a client that has half-closed", async () => {
    const client = proxy.connect();
    const before = held.length;
    client.send(get("/hold"));
    client.end();
    await proxy.advance(0);
    const atOrigin = held[before] ?? assert.fail("no request at the origin");
    // Time enough for the proxy to have asked, by interim responses, whether the client is still there.
    await proxy.advance("3s");
    assert.equal(client.received.split("100 Continue").length, 3);
    atOrigin.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate");
    await client.untilEnded();
    const all = await responses(client, 3);
    assert.deepEqual(
      all.map(({ status }) => status),
      [100, 100, 200],
    );
    assert.equal(all[2]?.body, "late");
    client.close();
  });

  test("does not let a request body that is cut look complete to the origin", async () => {
    const client = proxy.connect();
    const before = held.length;
    client.send("POST /hold HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await proxy.advance(0);
    const atOrigin = held[before] ?? assert.fail("no request at the origin");
    client.close();
    await proxy.advance("10s");
    assert.ok(isOver(atOrigin));
    assert.ok(!origin.received.endsWith("0\r\n\r\n"));
  });
});

describe("dead pooled connections", () => {
  test("are replaced silently for a request that may be sent again, and not for one that may not", async () => {
    for (const [request, status] of [
      [get("/resetting/"), 200],
      ["DELETE /resetting/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 200],
      ["PUT /resetting/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc", 200],
      ["POST /resetting/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc", 502],
    ] as const) {
      assert.equal((await ask(proxy, get("/resetting/"))).status, 200);
      const response = await ask(proxy, request);
      assert.equal(response.status, status, request);
    }
    assert.ok(resetting.requests.some(({ head, body }) => head.startsWith("PUT") && body === "abc"));
  });

  test("never meet an origin that closes idle connections: its Keep-Alive timeout is learned", async () => {
    const post = "POST /closing/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx";
    // Half of the announced second is how long the connection is used; by then it must have been closed by the proxy.
    for (let round = 1; round <= 3; round++) {
      assert.equal((await ask(proxy, post)).status, 200);
      const connection = closing.connections.at(-1) ?? assert.fail();
      await proxy.advance(900);
      assert.ok(isOver(connection));
      assert.equal((await ask(proxy, post)).status, 200);
      assert.equal(closing.connections.length, round + 1);
    }
  });
});

describe("several endpoints", () => {
  test("a refused endpoint costs the client nothing: any method goes to the next one", async () => {
    for (let count = 0; count < 4; count++) {
      const response = await ask(proxy, "POST /partly/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc");
      assert.equal(response.status, 200);
      assert.equal(partly.requests.at(-1)?.body, "abc");
    }
  });

  test("round robin is even, weights are kept exactly", async () => {
    const client = proxy.connect();
    for (let count = 1; count <= 60; count++) {
      client.send(get("/weighted/"));
      await responses(client, count);
    }
    assert.deepEqual(
      weighted.map(({ requests }) => requests.length),
      [10, 20, 30],
    );
    client.close();
  });
});

describe("WebSocket", () => {
  test("is tunnelled both ways, byte for byte, with FIN passed on", async () => {
    const client = proxy.connect();
    client.send(handshake("/tunnels/echo"));
    await client.until((received) => received.endsWith("hello first"));
    assert.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Upgrade: websocket\r\n[^]*Connection: Upgrade\r\n/);
    const start = client.received.length;
    const payload = randomBytes(3_000_000);
    client.send(payload);
    await client.until((received) => received.length >= start + payload.length);
    const echoed = createHash("sha256").update(client.received.slice(start), "latin1").digest("hex");
    assert.equal(echoed, createHash("sha256").update(payload).digest("hex"));
    client.end();
    await client.untilEnded();
    client.close();
    await proxy.advance(0);
    assert.equal(proxy.log.at(-1)?.["outcome"], "tunnel");
  });

  for (const [index, field] of ODD_FIELDS.entries()) {
    test(`is tunnelled although the 101 has a ${field}, which does not go on`, async () => {
      const client = proxy.connect();
      client.send(handshake(`/tunnels/odd/${index}`));
      await client.until((received) => received.endsWith("\r\n\r\nhello first"));
      assert.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
      assert.doesNotMatch(client.received, /content-length|transfer-encoding/i);
      client.send("and back");
      await client.until((received) => received.endsWith("hello firstand back"));
      client.end();
      await client.untilEnded();
      client.close();
    });
  }

  test("is no tunnel before the origin's 101: what follows the handshake stays HTTP", async () => {
    const client = proxy.connect();
    client.send(`${handshake("/tunnels/none")}${get("/tunnels/none/second")}`);
    const all = await responses(client, 2);
    assert.deepEqual(
      all.map(({ status }) => status),
      [200, 200],
    );
    assert.match(tunnels.requests[1]?.head ?? "", /^GET \/tunnels\/none\/second HTTP\/1\.1\r\n[^]*Via: 1\.1 millrace\r\n/);
    client.close();
  });

  test("a 101 before the end of the request is a fault: the client still speaks HTTP", async () => {
    const request = handshake("/tunnels/early").replace(/\r\n\r\n$/, "\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello");
    assert.equal((await ask(proxy, request)).status, 502);
  });

  test("a 101 that nobody asked for is a fault", async () => {
    assert.equal((await ask(proxy, get("/tunnels/unasked"))).status, 502);
  });

  test("is ended by its idle limit", async () => {
    const client = proxy.connect();
    client.send(handshake("/idle/"));
    await client.until("\r\n\r\n");
    await proxy.advance("1s");
    await client.untilEnded();
    assert.match(client.received, /^HTTP\/1\.1 101 /);
    client.close();
  });
});
