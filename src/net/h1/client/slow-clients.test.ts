/** Clients that do not take what is sent to them, or leave in the middle, moment by moment. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import { UpstreamConnection } from "../upstream/upstream-connection.ts";
import { Client, OK, get, origin, stage, stageAlone, stageOfBoth } from "../../stage.fixture.ts";
import type { Stage } from "../../stage.fixture.ts";
import type { Thread } from "../../thread.ts";

/** Makes the next write wait for the end of the event loop's turn, although the previous turn had few writes. */
function letWait(thread: Thread): void {
  Reflect.set(thread.writes, "passOver", 0);
}

const LARGE = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(10_000)}`;
/** Longer than any limit on taking nothing. */
const LONG_MS = 100_000;
const MEBIBYTE = 1024 ** 2;

test("a client that takes nothing is cut although its request ends after the response has begun", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
  client.isFull = true;
  endpoints[0]?.respond(LARGE);
  client.send("67890");
  assert.equal(client.destroyed, false);
  pass(LONG_MS);
  assert.equal(client.destroyed, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["client_stalled"],
  );
});

/** More than an outlet collects before it writes. */
const MANY_CHUNKS = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${`3e8\r\n${"x".repeat(1000)}\r\n`.repeat(100)}`;

test("a client that takes nothing is cut although its response is too long to be collected before it is written", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
  client.isFull = true;
  endpoints[0]?.respond(MANY_CHUNKS);
  assert.equal(endpoints[0]?.isPaused, true);
  assert.equal(client.destroyed, false);
  pass(LONG_MS);
  assert.equal(client.wasReset, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["client_stalled"],
  );
});

test("a client that does not take an interim response is watched, and the response waits", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  endpoints[0]?.respond(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${LARGE}`);
  assert.equal(endpoints[0]?.isPaused, true);
  pass(LONG_MS);
  assert.equal(client.destroyed, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["client_stalled"],
  );
});

test("a client that takes an interim response late gets the response", (t) => {
  const { client, endpoints, thread } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  endpoints[0]?.respond("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  assert.equal(endpoints[0]?.isPaused, true);
  client.takeAll();
  assert.equal(endpoints[0]?.isPaused, false);
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual(client.statuses, ["103", "200"]);
});

test("a client that has half-closed has the usual time to take what it was sent", async (t) => {
  const { client, endpoints, thread, pass } = stageAlone(t);
  client.send(get("/a") + get("/b"));
  client.isFull = true;
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.equal(endpoints[1]?.isPaused, true, "the first response was written at the turn's end, and blocked");
  client.leave();
  pass(1000);
  assert.equal(client.destroyed, false);
  client.takeAll();
  assert.equal(endpoints[1]?.isPaused, false);
  // Now the client is asked whether it is still there.
  pass(50);
  assert.deepEqual(client.statuses, ["200", "100"]);
  endpoints[1]?.respond(OK);
  await turn();
  assert.deepEqual(client.statuses, ["200", "100", "200"]);
});

for (const [what, happens] of [
  ["the worker drains", ({ context }: Stage) => context.drain()],
  ["the client half-closes", ({ client }: Stage) => client.leave()],
] as const) {
  test(`a client has the usual time to take a response although ${what} when its exchange is over`, (t) => {
    const one = stageAlone(t);
    const { client, endpoints, thread, pass } = one;
    client.send(get("/"));
    client.isFull = true;
    endpoints[0]?.respond(OK);
    thread.writes.flush();
    happens(one);
    pass(5000);
    assert.equal(client.destroyed, false);
    assert.equal(client.closesWhenWritten, what === "the client half-closes");
    client.takeAll();
    pass(1000);
    assert.equal(client.destroyed, true);
    assert.deepEqual(client.statuses, ["200"]);
  });
}

test("the end of a drain cuts responses that are being sent, reports that, and answers clients without an answer", (t) => {
  const waiting = stageAlone(t);
  waiting.client.send(get("/"));
  waiting.client.isFull = true;
  waiting.endpoints[0]?.respond(OK);
  waiting.thread.writes.flush();
  assert.equal(waiting.connection.cutNow(), true);
  const unanswered = stageAlone(t);
  unanswered.client.send(get("/"));
  assert.equal(unanswered.connection.cutNow(), true);
  assert.deepEqual(unanswered.client.statuses, ["503"]);
  assert.match(unanswered.client.received, /\r\nConnection: close\r\n/);
  assert.deepEqual(
    unanswered.records.map(({ status, outcome }) => [status, outcome]),
    [[503, "drain_timeout"]],
  );
  const idle = stageAlone(t);
  assert.equal(idle.connection.cutNow(), false);
});

test("the end of a drain does not let a body that ends with its connection look complete", (t) => {
  const endless = stageAlone(t);
  endless.client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
  endless.endpoints[0]?.respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
  endless.thread.writes.flush();
  assert.equal(endless.connection.cutNow(), true);
  assert.equal(endless.client.wasReset, true);
  const counted = stageAlone(t);
  counted.client.send(get("/"));
  counted.endpoints[0]?.respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun");
  assert.equal(counted.connection.cutNow(), true);
  assert.equal(counted.client.wasReset, false, "its length says that it is not whole");
});

test("the time for a first request's head counts from the connection on, for a later one from its first byte", (t) => {
  const first = stageAlone(t);
  first.pass(29_000);
  first.client.send("GET / HTTP/1.1\r\n");
  first.pass(2000);
  assert.deepEqual(first.client.statuses, ["408"]);
  const later = stageAlone(t);
  later.client.send(get("/"));
  later.endpoints[0]?.respond(OK);
  later.thread.writes.flush();
  later.pass(29_000);
  later.client.send("GET / HTTP/1.1\r\n");
  later.pass(2000);
  assert.deepEqual(later.client.statuses, ["200"]);
});

test("a request lasts from its first byte on, however slowly its head comes", (t) => {
  const { client, endpoints, thread, records, pass } = stageAlone(t);
  client.send("GET / HTTP/1.1\r\n");
  pass(5000);
  client.send("Host: a.test\r\n\r\n");
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual(
    records.map(({ status, durationMs }) => [status, durationMs]),
    [[200, 5000]],
  );
});

test("a client that waits for a 100 (Continue) is not too slow, but in HTTP/1.0, which has no 100, it is", (t) => {
  for (const [minor, statuses] of [
    [1, []],
    [0, ["408"]],
  ] as const) {
    const { client, pass } = stageAlone(t);
    client.send(`POST / HTTP/1.${minor}\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
    pass(65_000);
    assert.deepEqual(client.statuses, statuses);
  }
});

test("a client that waits for a 100 (Continue) is excused until it comes, whatever other interim responses come", (t) => {
  const { client, endpoints, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  endpoints[0]?.respond("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
  pass(65_000);
  assert.deepEqual(client.statuses, ["103", "102"]);
  endpoints[0]?.respond("HTTP/1.1 100 Continue\r\n\r\n");
  // The check interval in which the 100 came is excused as well.
  for (let count = 0; count < 3; count++) pass(10_000);
  assert.deepEqual(client.statuses, ["103", "102", "100", "408"]);
});

test("requests that came before the end of input are all answered", async (t) => {
  const { client, endpoints } = stageAlone(t);
  client.send(["/1", "/2", "/3", "/4"].map(get).join(""));
  client.leave();
  for (let count = 0; count < 4; count++) {
    assert.equal(endpoints.length, count + 1);
    endpoints[count]?.respond(OK);
    await turn();
  }
  assert.deepEqual(client.statuses, ["200", "200", "200", "200"]);
  assert.equal(client.destroyed, true);
});

test("a connection that is still being opened when its client takes no more is not read", async (t) => {
  let written = (): void => {};
  const wasWritten = new Promise<void>((resolve) => (written = resolve));
  const url = await origin(t, (head, socket) => {
    if (!head.startsWith("GET /a")) return void socket.write(LARGE, written);
    letWait(thread);
    socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  });
  const { client, thread } = stage(t, url);
  client.send(get("/a") + get("/b"));
  client.isFull = true;
  await wasWritten;
  for (let count = 0; count < 20; count++) await turn();
  assert.deepEqual(client.statuses, ["200"]);
  client.takeAll();
  while (client.statuses.length < 2) await turn();
  assert.ok(client.received.endsWith("x"));
});

test("a request that had not left yet when its connection ended goes out on another one, whatever its method", async (t) => {
  const heads: string[] = [];
  const url = await origin(t, (head, socket) => {
    heads.push(head);
    socket.write(OK);
  });
  const { client, thread } = stage(t, url);
  client.send(get("/first"));
  while (client.statuses.length < 1) await turn();
  const take = thread.take.bind(thread);
  let taken: UpstreamStream | null = null;
  thread.take = (target, exchange) => (taken = take(target, exchange));
  letWait(thread);
  client.send("POST /second HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi");
  const connection: unknown = taken;
  assert.ok(connection instanceof UpstreamConnection);
  connection.onEnd();
  while (client.statuses.length < 2) await turn();
  assert.deepEqual(client.statuses, ["200", "200"]);
  assert.equal(heads.filter((head) => head.startsWith("POST /second ")).length, 1);
});

test("a request that its origin takes slowly goes on; a request of which the origin takes nothing is given up", async (t) => {
  const url = await origin(t, (_, socket) => void socket.write(OK));
  const { client, thread, records, pass } = stage(t, url);
  client.send(get("/first"));
  while (client.statuses.length < 1) await turn();
  const take = thread.take.bind(thread);
  let taken: unknown = null;
  thread.take = (target, exchange) => {
    const upstream = take(target, exchange);
    taken = upstream;
    return upstream;
  };
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  const connection = taken;
  assert.ok(connection instanceof UpstreamConnection);
  thread.writes.flush();
  const full = new Client(connection, connection.outlet);
  full.isFull = true;
  connection.outlet.transport = full;
  client.send("x".repeat(10_000));
  for (let count = 0; count < 5; count++) {
    full.queuedBytes -= 1000;
    pass(65_000);
    assert.deepEqual(records.length, 1, `after ${count} times`);
  }
  pass(65_000);
  assert.deepEqual(
    records.map(({ status, outcome }) => [status, outcome]),
    [
      [200, "completed"],
      [504, "write_timeout"],
    ],
  );
});

test(
  "an endpoint that has answered and takes no more of the request is reset: its system keeps no megabytes of it",
  { timeout: 20_000 },
  async (t) => {
    let socket: Socket | null = null;
    const url = await origin(t, (_, connection) => {
      if (socket === null) connection.pause();
      socket = connection;
    });
    const { client, thread } = stage(t, url);
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${64 * MEBIBYTE}\r\n\r\n`);
    while (socket === null) await turn();
    const connection: Socket = socket;
    // More than the socket buffers of both ends hold.
    for (let sent = 0; sent < 16; sent++) client.send("x".repeat(MEBIBYTE));
    connection.write(OK);
    while (!client.received.endsWith("ok")) {
      await turn();
      thread.writes.flush();
    }
    await assert.rejects(once(connection.resume(), "close"), { code: "ECONNRESET" });
  },
);

const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test("a client that sends much before its tunnel opens is read on in the tunnel as soon as the endpoint has taken that", (t) => {
  for (const isFull of [true, false]) {
    const { client, dialled, thread } = stageOfBoth(t);
    client.send(HANDSHAKE);
    const { endpoint, connect } = dialled[0] ?? assert.fail("no endpoint was asked");
    connect();
    thread.writes.flush();
    client.send("x".repeat(40_000));
    assert.equal(client.isPaused, true);
    endpoint.isFull = isFull;
    endpoint.send(SWITCHED);
    assert.deepEqual(client.statuses, ["101"]);
    assert.match(endpoint.received, /\r\n\r\nx{40000}$/);
    assert.equal(client.isPaused, isFull);
    endpoint.takeAll();
    assert.equal(client.isPaused, false);
  }
});

test(
  "a tunnel that stands still resets a client that takes nothing, and closes the endpoint's connection",
  { timeout: 20_000 },
  async (t) => {
    let socket: Socket | null = null;
    const url = await origin(t, (_, connection) => {
      socket = connection;
      connection.write(SWITCHED);
    });
    const { client, records, pass } = stage(t, url, ({ upstreams }) => {
      for (const { timeouts } of Object.values(upstreams)) timeouts.tunnel_idle = LONG_MS;
    });
    client.send(HANDSHAKE);
    while (client.statuses[0] !== "101") await turn();
    const connection: Socket = socket ?? assert.fail("the origin was not asked");
    client.isFull = true;
    connection.write("a frame");
    while (!client.received.endsWith("a frame")) await turn();
    const ended = once(connection, "end");
    pass(LONG_MS + 1000);
    assert.equal(client.wasReset, true);
    await ended;
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ["tunnel_idle"],
    );
  },
);
