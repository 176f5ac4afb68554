/** What a connection waits for, and what happens when that does not come: client-state.ts has the names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OK, get, stageAlone } from "../../stage.fixture.ts";
import type { Endpoint, Stage } from "../../stage.fixture.ts";
import { Deadline, State } from "./client-state.ts";

interface Answered extends Stage {
  readonly endpoints: readonly Endpoint[];
}

/** The first response waits, and the client takes nothing of it. */
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
  const { client, connection, endpoints, plane, pass } = stageAlone(t, ({ listeners }) => {
    for (const { timeouts } of listeners) timeouts.keep_alive = 10_000;
  });
  client.send(get("/"));
  assert.equal(connection.deadline, Deadline.none, "only the endpoint has to act");
  endpoints[0]?.respond(OK);
  plane.writes.flush();
  assert.equal(connection.deadline, Deadline.settle);
  pass(1100);
  assert.equal(connection.deadline, Deadline.keepAlive);
  pass(8000);
  assert.equal(client.destroyed, false);
  pass(2000);
  assert.deepEqual([client.destroyed, client.wasReset, client.statuses], [true, false, ["200"]]);
});

test("while a response waits for its client, the head of the next request has no deadline, but then it has", (t) => {
  const one = stageAlone(t);
  const { client, connection, plane, pass } = one;
  blockedAfter(one, get("/"));
  client.send("GET / HTTP/1.1\r\n");
  assert.equal(connection.state, State.head);
  assert.equal(connection.deadline, Deadline.head);
  plane.writes.flush();
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

test("the head of a request that was begun in time is complete in time, whatever waits between", (t) => {
  const one = stageAlone(t);
  const { client, connection, endpoints, plane, pass } = one;
  blockedAfter(one, get("/"));
  client.send("GET / HTTP/1.1\r\n");
  plane.writes.flush();
  pass(1000);
  client.takeAll();
  pass(20_000);
  client.send("Host: a.test\r\n\r\n");
  assert.equal(connection.state, State.answering);
  endpoints[1]?.respond(OK);
  plane.writes.flush();
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

test("a refused body that comes keeps the connection", (t) => {
  const { client, connection, endpoints, plane } = stageAlone(t, ({ routes }) => {
    for (const route of routes) route.max_body = 10;
  });
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n12345");
  client.send(`123451234512345${get("/")}`);
  assert.equal(connection.state, State.answering);
  endpoints[0]?.respond(OK);
  plane.writes.flush();
  assert.deepEqual(client.statuses, ["413", "200"]);
});

test("after its last response a connection is read for a while, and what comes is thrown away", (t) => {
  const { client, connection, endpoints, plane, records, pass } = stageAlone(t);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  endpoints[0]?.respond(OK);
  plane.writes.flush();
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

test("a client that asks for the end and has sent everything is not waited for", (t) => {
  const { client, endpoints, plane } = stageAlone(t);
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  endpoints[0]?.respond(OK);
  plane.writes.flush();
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
