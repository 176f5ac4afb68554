/** The relay under the conditions that real clients and origins make: connection reuse, aborts, early answers, half-closes, tunnels. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";

const PATIENCE_MS = 10_000;

const held: Socket[] = [];
const origin = await startRawOrigin({
  onHead: (head, socket) => {
    if (head.startsWith("GET /hold") || head.startsWith("POST /hold")) {
      held.push(socket);
      return true;
    }
    if (head.startsWith("POST /early")) {
      socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly");
      return true;
    }
    if (head.includes("Expect: 100-continue")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    return false;
  },
  onRequest: answerOk,
});

/** Closes every connection when the second request on it arrives: the pooled one is dead before a byte of the answer. */
const resetting = await startRawOrigin({
  onRequest: (request) => {
    if (request.earlier > 0) request.socket.resetAndDestroy();
    else answerOk(request);
  },
});

let closingSocket: Socket | null = null;
const closing = http.createServer((_, response) => response.end("ok"));
closing.keepAliveTimeout = 1000;
closing.on("connection", (socket: Socket) => (closingSocket = socket)).listen(0, "127.0.0.1");
await once(closing, "listening");

const [dead, partly] = await Promise.all([startRawOrigin({}), startRawOrigin({})]);
const weighted = await Promise.all([startRawOrigin({}), startRawOrigin({}), startRawOrigin({})]);
await dead.close();

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

function handshake(path: string): string {
  return get(path, ["Connection: keep-alive, Upgrade", "Upgrade: websocket", `Sec-WebSocket-Key: ${KEY}`, "Sec-WebSocket-Version: 13"]);
}

/** Fields that a 101 must not have. */
const ODD_FIELDS = ["Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"];

const tunnels = await startRawOrigin({
  onHead: (head, socket) => {
    const [, path = ""] = head.split(" ");
    if (path.startsWith("/tunnels/none") || path === "/tunnels/unasked") return false;
    if (path === "/tunnels/echo" && (!/\r\nUpgrade: websocket\r\n/i.test(head) || !/\r\nConnection: Upgrade\r\n/i.test(head))) return false;
    const odd = ODD_FIELDS[Number(path.split("/odd/")[1])];
    const fields = odd === undefined ? "" : `${odd}\r\n`;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n${fields}Connection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
    if (path === "/tunnels/echo" || odd !== undefined) {
      socket.write("hello first");
      socket.on("data", (chunk: Buffer) => socket.write(chunk));
    }
    return true;
  },
  onRequest: (request) => {
    if (!request.head.startsWith("GET /tunnels/unasked ")) return answerOk(request);
    request.socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
  },
});

/** All tests share it: the first segment of a path says to whom a request goes. */
let proxy: Millrace;

before(async () => {
  const live = weighted.map(({ url }) => url);
  proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams:
  app: { endpoints: ["${origin.url}"] }
  resetting: { endpoints: ["${resetting.url}"] }
  closing: { endpoints: ["http://127.0.0.1:${(closing.address() as AddressInfo).port}"] }
  partly: { endpoints: ["${dead.url}", "${partly.url}"] }
  weighted: { endpoints: ["${live[0]}", { url: "${live[1]}", weight: 2 }, { url: "${live[2]}", weight: 3 }] }
  tunnels: { endpoints: ["${tunnels.url}"] }
  idle: { endpoints: ["${tunnels.url}"], timeouts: { tunnel_idle: 200ms } }
routes:
${["resetting", "closing", "partly", "weighted", "tunnels", "idle"].map((name) => `  - { match: { path: "/${name}/*" }, upstream: ${name} }`).join("\n")}
  - { upstream: app }
logging: { level: warn, access: true }
`);
});

after(async () => {
  assert.equal(await proxy.stop(), 0);
  closing.close();
  await Promise.all([origin, resetting, partly, ...weighted, tunnels].map((each) => each.close()));
});

/** Resolves with the first value that `find` gives for something the origin does. */
async function eventually<T>(find: () => T | undefined, socketEvents: () => Iterable<Socket>, what: string): Promise<T> {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (deadline.aborted) throw new Error(`waited in vain for ${what}`);
    await Promise.race([...[...socketEvents()].map((socket) => once(socket, "close")), once(deadline, "abort"), new Promise(setImmediate)]);
  }
}

describe("relay", () => {
  test("answers pipelined requests in order", async () => {
    const client = await RawClient.connect(proxy.port);
    const before = origin.requests.length;
    client.send(
      `${get("/1")}POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc${get("/3")}${get("/4", ["Connection: close"])}${get("/5")}`,
    );
    await client.end();
    assert.equal((await client.responses(4)).length, 4, "the request behind `close` is not answered");
    assert.deepEqual(
      origin.requests.slice(before).map(({ head }) => head.split(" ")[1]),
      ["/1", "/2", "/3", "/4"],
    );
    client.destroy();
  });

  test("uses one upstream connection for one exchange after the other", async () => {
    const client = await RawClient.connect(proxy.port);
    const before = origin.accepted();
    for (let count = 1; count <= 5; count++) {
      client.send(get(`/reuse/${count}`));
      await client.responses(count);
    }
    assert.ok(origin.accepted() - before <= 1);
    client.destroy();
  });

  test("relays 100 Continue, then the body", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("POST /expect HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const [interim] = await client.responses(1);
    assert.equal(interim?.status, 100);
    client.send("hello");
    const [, final] = await client.responses(2);
    assert.equal(final?.status, 200);
    assert.equal(origin.requests.at(-1)?.body, "hello");
    client.destroy();
  });

  test("relays an early answer at once, says that the connection ends, and does not use the upstream connection again", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nbegin");
    const response = await client.response();
    assert.equal(response.status, 413);
    assert.equal(response.body, "early");
    assert.deepEqual(response.fields.get("connection"), ["close"]);
    await client.end();
    client.destroy();
    assert.equal((await ask(proxy.port, get("/after-early"))).body, "ok");
  });

  test("aborts the upstream exchange when the client is gone", async () => {
    for (const leave of ["reset", "close"] as const) {
      const client = await RawClient.connect(proxy.port);
      const before = held.length;
      client.send(get("/hold"));
      const socket = await eventually(
        () => held[before],
        () => [],
        "the request at the origin",
      );
      const closed = once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (leave === "reset") client.socket.resetAndDestroy();
      else client.destroy();
      await closed;
    }
    await proxy.until(() => proxy.access().filter((record) => record["status"] === 499).length >= 2, "two log lines");
  });

  test("answers a client that has half-closed", async () => {
    const client = await RawClient.connect(proxy.port);
    const before = held.length;
    client.send(get("/hold"));
    client.socket.end();
    const socket = await eventually(
      () => held[before],
      () => [],
      "the request at the origin",
    );
    // Long enough for the proxy to have asked, by interim responses, whether the client is still there.
    await client.until((each) => each.received.split("100 Continue").length === 3, "the interim responses");
    socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate");
    await client.end();
    const responses = await client.responses(3);
    assert.deepEqual(
      responses.map(({ status }) => status),
      [100, 100, 200],
    );
    assert.equal(responses[2]?.body, "late");
    client.destroy();
  });

  test("does not let a request body that is cut look complete to the origin", async () => {
    const client = await RawClient.connect(proxy.port);
    const before = held.length;
    client.send("POST /hold HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const socket = await eventually(
      () => held[before],
      () => [],
      "the request at the origin",
    );
    const closed = once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
    client.destroy();
    await closed;
    assert.ok(!origin.received().endsWith("0\r\n\r\n"));
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
      assert.equal((await ask(proxy.port, get("/resetting/"))).status, 200);
      const response = await ask(proxy.port, request);
      assert.equal(response.status, status, request);
    }
    assert.ok(resetting.requests.some(({ head, body }) => head.startsWith("PUT") && body === "abc"));
  });

  test("never meet a Node origin that closes idle connections: its Keep-Alive timeout is learned", async () => {
    const post = "POST /closing/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx";
    // Half of the announced second is how long the connection is used; by then it must have been closed by the proxy.
    for (let round = 0; round < 3; round++) {
      assert.equal((await ask(proxy.port, post)).status, 200);
      const socket: Socket | null = closingSocket;
      if (socket !== null && !socket.closed) await once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
      assert.equal((await ask(proxy.port, post)).status, 200);
    }
  });
});

describe("several endpoints", () => {
  test("a refused endpoint costs the client nothing: any method goes to the next one", async () => {
    for (let count = 0; count < 4; count++) {
      const response = await ask(proxy.port, "POST /partly/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc");
      assert.equal(response.status, 200);
      assert.equal(partly.requests.at(-1)?.body, "abc");
    }
  });

  test("round robin is even, weights are kept exactly", async () => {
    const client = await RawClient.connect(proxy.port);
    for (let count = 1; count <= 60; count++) {
      client.send(get("/weighted/"));
      await client.responses(count);
    }
    assert.deepEqual(
      weighted.map(({ requests }) => requests.length),
      [10, 20, 30],
    );
    client.destroy();
  });
});

describe("WebSocket", () => {
  test("is tunnelled both ways, byte for byte, with FIN passed on", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send(handshake("/tunnels/echo"));
    await client.until((each) => each.received.endsWith("hello first"), "the origin's first bytes");
    assert.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Upgrade: websocket\r\n[^]*Connection: Upgrade\r\n/);
    const start = client.received.length;
    const payload = randomBytes(3_000_000);
    client.socket.write(payload);
    await client.until((each) => each.received.length >= start + payload.length, "the echo");
    const echoed = createHash("sha256").update(client.received.slice(start), "latin1").digest("hex");
    assert.equal(echoed, createHash("sha256").update(payload).digest("hex"));
    client.socket.end();
    await client.end();
    client.destroy();
    await proxy.until(() => proxy.access().some((record) => record["outcome"] === "tunnel"), "the tunnel's log line");
  });

  for (const [index, field] of ODD_FIELDS.entries()) {
    test(`is tunnelled although the 101 has a ${field}, which does not go on`, async () => {
      const client = await RawClient.connect(proxy.port);
      client.send(handshake(`/tunnels/odd/${index}`));
      await client.until((each) => each.received.endsWith("\r\n\r\nhello first"), "the origin's first bytes");
      assert.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
      assert.doesNotMatch(client.received, /content-length|transfer-encoding/i);
      client.send("and back");
      await client.until((each) => each.received.endsWith("hello firstand back"), "the echo");
      client.socket.end();
      await client.end();
      client.destroy();
    });
  }

  test("is no tunnel before the origin's 101: what follows the handshake stays HTTP", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send(`${handshake("/tunnels/none")}${get("/tunnels/none/second")}`);
    const responses = await client.responses(2);
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 200],
    );
    assert.match(tunnels.requests[1]?.head ?? "", /^GET \/tunnels\/none\/second HTTP\/1\.1\r\n[^]*Via: 1\.1 millrace\r\n/);
    client.destroy();
  });

  test("a 101 before the end of the request is a fault: the client still speaks HTTP", async () => {
    const request = handshake("/tunnels/early").replace(/\r\n\r\n$/, "\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello");
    assert.equal((await ask(proxy.port, request)).status, 502);
  });

  test("a 101 that nobody asked for is a fault", async () => {
    assert.equal((await ask(proxy.port, get("/tunnels/unasked"))).status, 502);
  });

  test("is ended by its idle limit", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send(handshake("/idle/"));
    await client.end();
    assert.match(client.received, /^HTTP\/1\.1 101 /);
    client.destroy();
  });
});
