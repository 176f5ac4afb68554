/** Each deadline of a client's connection (client-state.ts), and what happens when it passes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OK, get, stageAlone } from "../../stage.fixture.ts";
import type { Endpoint, Stage } from "../../stage.fixture.ts";
import { Deadline, State } from "./client-state.ts";

interface Answered extends Stage {
  readonly endpoints: readonly Endpoint[];
}

/** A connection whose first response waits, because the client takes nothing of it. */
function blockedAfter(one: Answered, text: string): void {
  one.client.send(text);
  one.client.isFull = true;
  one.endpoints[0]?.respond(OK);
}

test("a connection that brings nothing is closed without a word", (t) => {
  const { client, connection, records, pass } = stageAlone(t);
  assert.equal(connection.deadline, Deadline.firstBytes);
  pass(29_000);
  assert.equal(client.destroyed, false);
  pass(2000);
  assert.deepEqual([client.destroyed, client.wasReset, client.received], [true, false, ""]);
  assert.equal(records.length, 0);
});

test("an idle connection gives back its reader soon, and is closed after keep_alive", (t) => {
  const { client, connection, endpoints, thread, pass } = stageAlone(t, ({ listeners }) => {
    for (const { timeouts } of listeners) timeouts.keep_alive = 10_000;
  });
  client.send(get("/"));
  assert.equal(connection.deadline, Deadline.none, "only the endpoint has to act");
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.equal(connection.deadline, Deadline.settle);
  pass(1100);
  assert.equal(connection.deadline, Deadline.keepAlive);
  pass(8000);
  assert.equal(client.destroyed, false);
  pass(2000);
  assert.deepEqual([client.destroyed, client.wasReset, client.statuses], [true, false, ["200"]]);
});

test("the head of the next request has no deadline while the client has a response to take, but has one after that", (t) => {
  const one = stageAlone(t);
  const { client, connection, thread, pass } = one;
  blockedAfter(one, get("/"));
  client.send("GET / HTTP/1.1\r\n");
  assert.equal(connection.state, State.head);
  assert.equal(connection.deadline, Deadline.head);
  thread.writes.flush();
  assert.equal(connection.deadline, Deadline.taking);
  for (let waited = 0; waited < 50_000; waited += 1000) pass(1000);
  assert.deepEqual(client.statuses, ["200"]);
  client.takeAll();
  assert.equal(connection.deadline, Deadline.head);
  pass(500);
  assert.deepEqual(client.statuses, ["200"], "the rest may lie in the system, unread");
  pass(1000);
  assert.deepEqual(client.statuses, ["200", "408"]);
});

test("a head that is complete in time is accepted, although a response waited for the client meanwhile", (t) => {
  const one = stageAlone(t);
  const { client, connection, endpoints, thread, pass } = one;
  blockedAfter(one, get("/"));
  client.send("GET / HTTP/1.1\r\n");
  thread.writes.flush();
  pass(1000);
  client.takeAll();
  pass(20_000);
  client.send("Host: a.test\r\n\r\n");
  assert.equal(connection.state, State.answering);
  endpoints[1]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual(client.statuses, ["200", "200"]);
});

test("a refused body that does not come is waited for a short time", (t) => {
  const { client, connection, pass } = stageAlone(t, ({ routes }) => {
    for (const route of routes) route.max_body = 10;
  });
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n12345");
  assert.deepEqual(client.statuses, ["413"]);
  assert.deepEqual([connection.state, connection.deadline], [State.discarding, Deadline.discard]);
  pass(1900);
  assert.equal(client.destroyed, false);
  pass(200);
  assert.equal(client.destroyed, true);
});

test("a refused body that is too long to wait for is the connection's last", (t) => {
  const { client, connection } = stageAlone(t, ({ routes }) => {
    for (const route of routes) route.max_body = 10;
  });
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n12345");
  assert.match(client.received, /^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n/);
  assert.deepEqual([connection.state, connection.deadline, client.writable], [State.ending, Deadline.linger, false]);
});

test("a refused body that comes keeps the connection", (t) => {
  const { client, connection, endpoints, thread } = stageAlone(t, ({ routes }) => {
    for (const route of routes) route.max_body = 10;
  });
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n12345");
  client.send(`123451234512345${get("/")}`);
  assert.equal(connection.state, State.answering);
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual(client.statuses, ["413", "200"]);
});

test("after its last response a connection is read for a while, and what comes is thrown away", (t) => {
  const { client, connection, endpoints, thread, records, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual([connection.state, connection.deadline, client.writable], [State.ending, Deadline.linger, false]);
  client.send(get("/more"));
  assert.equal(endpoints.length, 1);
  pass(1900);
  assert.equal(client.destroyed, false);
  pass(200);
  assert.deepEqual([client.destroyed, client.wasReset], [true, false]);
  assert.equal(records.length, 1);
});

test("a connection that ends is closed when its client has sent its end, or too much", (t) => {
  const ended = stageAlone(t);
  ended.client.send("\r\nnonsense\r\n\r\n");
  assert.deepEqual([ended.client.statuses, ended.client.destroyed], [["400"], false]);
  ended.client.leave();
  assert.equal(ended.client.destroyed, true);
  const chatty = stageAlone(t);
  chatty.client.send("nonsense\r\n\r\n");
  const mebibyte = "x".repeat(1024 * 1024);
  for (let sent = 0; sent < 32; sent++) chatty.client.send(mebibyte);
  assert.equal(chatty.client.destroyed, false);
  chatty.client.send("x");
  assert.equal(chatty.client.destroyed, true);
});

test("what was held for a next request is thrown away with the rest, and the client's end is seen", (t) => {
  const { client, connection, endpoints, thread } = stageAlone(t);
  client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi${get("/more")}`);
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual([connection.state, client.destroyed], [State.ending, false]);
  client.leave();
  assert.equal(client.destroyed, true);
  assert.equal(endpoints.length, 1);
});

test("a client that takes its last response late has its time to close from then on", (t) => {
  const { client, connection, endpoints, thread, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  client.isFull = true;
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual([connection.state, connection.deadline], [State.ending, Deadline.taking]);
  pass(50_000);
  client.takeAll();
  assert.equal(connection.deadline, Deadline.linger);
  pass(1900);
  assert.equal(client.destroyed, false);
  pass(200);
  assert.deepEqual([client.destroyed, client.wasReset], [true, false]);
  const stalled = stageAlone(t);
  stalled.client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  stalled.client.isFull = true;
  stalled.endpoints[0]?.respond(OK);
  stalled.thread.writes.flush();
  stalled.pass(61_000);
  assert.equal(stalled.client.wasReset, true);
});

test("a connection whose end does not leave is closed", (t) => {
  const { client, endpoints, thread, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  client.isFull = true;
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  client.takeAll({ end: false });
  pass(61_000);
  assert.deepEqual([client.destroyed, client.wasReset], [true, false]);
});

for (const [what, request, isFull] of [
  ["has sent more", `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\nmore`, false],
  ["has sent a body with a GET", "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false],
  ["has yet to take its response", "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", true],
  ["says that it sends no body where many do", "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false],
] as const) {
  test(`a client that asks for the end and ${what} is waited for`, (t) => {
    const { client, connection, endpoints, thread } = stageAlone(t);
    client.send(request);
    client.isFull = isFull;
    endpoints[0]?.respond(`HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n${"x".repeat(10_000)}`);
    thread.writes.flush();
    assert.equal(connection.state, State.ending);
    if (isFull) client.takeAll();
    assert.deepEqual([connection.deadline, client.destroyed], [Deadline.linger, false]);
  });
}

test("a client that takes nothing of a response is cut although its exchange is over", (t) => {
  const { client, connection, endpoints, pass } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  endpoints[0]?.respond(`HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n${"x".repeat(10_000)}`);
  assert.deepEqual([connection.state, connection.deadline], [State.idle, Deadline.taking]);
  pass(61_000);
  assert.equal(client.wasReset, true);
});

test("a request body that stops coming is noticed, although its client takes part of the response late", (t) => {
  const { client, connection, endpoints, records, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
  client.isFull = true;
  endpoints[0]?.respond(`HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${"x".repeat(10_000)}`);
  assert.equal(connection.deadline, Deadline.taking);
  client.takeAll();
  assert.equal(connection.deadline, Deadline.body);
  for (let waited = 0; waited < 61_000; waited += 1000) pass(1000);
  assert.deepEqual([records[0]?.outcome, client.destroyed], ["request_timeout", true]);
});

test("the end of a drain does not reset a connection whose body was complete, and is marked by the connection's end", (t) => {
  const { client, connection, endpoints, thread } = stageAlone(t);
  client.send("POST / HTTP/1.0\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi");
  endpoints[0]?.respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n");
  thread.writes.flush();
  assert.equal(connection.state, State.ending);
  assert.equal(connection.cutNow(), false);
  assert.deepEqual([client.destroyed, client.wasReset], [true, false]);
});

test("a paused connection that ends is read again: unread bytes would turn its end into a reset", (t) => {
  const { client, connection, endpoints, thread } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  client.send("x".repeat(40_000));
  assert.equal(client.isPaused, true, "much is held for a next request");
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual([connection.state, client.isPaused], [State.ending, false]);
});

test("a response that waits for the end of the turn is written before its connection is closed", (t) => {
  const { client, connection, endpoints } = stageAlone(t);
  client.send(get("/"));
  endpoints[0]?.respond(OK);
  assert.deepEqual([connection.state, client.statuses], [State.idle, []]);
  assert.equal(connection.closeIfIdle(), false, "its response is on its way");
  assert.equal(connection.cutNow(), false);
  assert.deepEqual([client.statuses, client.destroyed], [["200"], true]);
});

test("an idle connection that has served a request makes room for others; a new connection does not", (t) => {
  const { client, connection, endpoints, thread } = stageAlone(t);
  assert.equal(connection.closeIfIdle(), false);
  client.send(get("/"));
  assert.equal(connection.closeIfIdle(), false);
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  client.send("GET /next HTTP/1.1\r\n");
  assert.equal(connection.closeIfIdle(), false);
  client.send("Host: a.test\r\n\r\n");
  endpoints[1]?.respond(OK);
  thread.writes.flush();
  assert.equal(connection.closeIfIdle(), true);
  assert.equal(client.destroyed, true);
});

for (const [what, request, body, isReset] of [
  ["that ends with its connection", "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n", true],
  ["with a length", get("/"), "Content-Length: 9\r\n\r\nbegun", false],
] as const) {
  test(`a body ${what} that cannot be completed does not look complete`, (t) => {
    const { client, endpoints } = stageAlone(t);
    client.send(request);
    const [endpoint = assert.fail("no endpoint was asked")] = endpoints;
    endpoint.respond(`HTTP/1.1 200 OK\r\n${body}`);
    endpoint.exchange.upstreamFailed(endpoint, { kind: "connection_terminated", reused: false, answered: true, sent: true });
    assert.deepEqual([client.destroyed, client.wasReset], [true, isReset]);
    assert.ok(client.received.endsWith("begun"), "what came before the failure is the client's");
  });
}

test("a client that asks for the end and has sent everything is not waited for", (t) => {
  const { client, endpoints, thread } = stageAlone(t);
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.equal(client.destroyed, true);
});

test("a body that comes too slowly is answered 408, but not while nobody takes it", (t) => {
  const slow = stageAlone(t);
  slow.client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  assert.equal(slow.connection.deadline, Deadline.body);
  for (let waited = 0; waited < 11_000; waited += 1000) slow.pass(1000);
  assert.deepEqual(slow.client.statuses, ["408"]);
  const held = stageAlone(t);
  held.client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  held.connection.pauseRequest();
  for (let waited = 0; waited < 100_000; waited += 1000) held.pass(1000);
  assert.deepEqual([held.connection.state, held.client.statuses], [State.receiving, []]);
});

test("a client that is read again after a long pause has its full time to send", (t) => {
  const { client, connection, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
  connection.pauseRequest();
  for (let waited = 0; waited < 100_000; waited += 1000) pass(1000);
  connection.resumeRequest();
  for (let waited = 0; waited < 4000; waited += 25) pass(25);
  assert.deepEqual(client.statuses, []);
});
