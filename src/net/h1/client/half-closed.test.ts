/** Clients that send a FIN while their exchange runs: such a client may be gone or may listen (docs/decisions/0003-half-closed-clients.md). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { OK, get, stageAlone } from "../../stage.fixture.ts";
import { Deadline, Input } from "./client-state.ts";

const STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const EVENT = "8\r\ndata: x\n\r\n";

test("a client that leaves a quiet stream counts as gone after half_closed, and the endpoint is told", (t) => {
  const { client, endpoints, thread, records, pass } = stageAlone(t);
  client.send(get("/events"));
  endpoints[0]?.respond(STREAM + EVENT);
  thread.writes.flush();
  pass(20_000);
  client.leave();
  pass(4900);
  assert.equal(endpoints[0]?.wasAborted, false);
  pass(200);
  assert.equal(endpoints[0]?.wasAborted, true);
  assert.equal(client.wasReset, true);
  assert.deepEqual(
    records.map(({ status, outcome }) => [status, outcome]),
    [[200, "client_gone"]],
  );
});

test("a response that flows is served to its end, however slowly", async (t) => {
  const { client, endpoints, thread, records, pass } = stageAlone(t);
  client.send(get("/events"));
  endpoints[0]?.respond(STREAM);
  client.leave();
  for (let count = 0; count < 20; count++) {
    pass(4000);
    endpoints[0]?.respond(EVENT);
    thread.writes.flush();
    assert.equal(client.destroyed, false, `after ${count + 1} events`);
  }
  endpoints[0]?.respond("0\r\n\r\n");
  await turn();
  assert.equal(client.received.split("data: x").length, 21);
  assert.ok(client.received.endsWith("0\r\n\r\n"));
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["completed"],
  );
  assert.deepEqual([client.destroyed, client.wasReset], [true, false]);
});

for (const [version, asked] of [
  ["1.1", ["100", "100"]],
  ["1.0", []],
] as const) {
  test(`a client of HTTP/${version} that leaves before the response has begun counts as gone as well`, (t) => {
    const { client, endpoints, records, pass } = stageAlone(t);
    client.send(`GET /poll HTTP/${version}\r\nHost: a.test\r\n\r\n`);
    client.leave();
    for (let waited = 0; waited < 4900; waited += 25) pass(25);
    assert.equal(endpoints[0]?.wasAborted, false);
    assert.deepEqual(client.statuses, asked, "what asks the client whether it is there");
    pass(200);
    assert.equal(endpoints[0]?.wasAborted, true);
    assert.deepEqual(
      records.map(({ status, outcome }) => [status, outcome]),
      [[499, "client_gone"]],
    );
  });
}

test("interim responses are a sign of life of the response", (t) => {
  const { client, endpoints, pass } = stageAlone(t);
  client.send(get("/copy"));
  client.leave();
  for (let count = 0; count < 5; count++) {
    pass(4000);
    endpoints[0]?.respond("HTTP/1.1 102 Processing\r\n\r\n");
  }
  assert.equal(client.destroyed, false);
  pass(5100);
  assert.equal(client.destroyed, true);
});

test("a pipelined request that waits for a quiet response is not begun if the client has left", async (t) => {
  const { client, endpoints, thread, records, pass } = stageAlone(t);
  client.send(get("/events") + get("/second"));
  endpoints[0]?.respond(STREAM + EVENT);
  thread.writes.flush();
  client.leave();
  pass(5100);
  await turn();
  assert.equal(client.destroyed, true);
  assert.equal(endpoints.length, 1);
  assert.equal(records.length, 1);
});

test("the duration of a held request counts from its beginning, not from its arrival", async (t) => {
  const { client, endpoints, pass } = stageAlone(t);
  client.send(get("/first") + get("/second"));
  client.leave();
  pass(4000);
  endpoints[0]?.respond(OK);
  await turn();
  pass(4000);
  endpoints[1]?.respond(OK);
  await turn();
  assert.deepEqual(
    client.statuses.filter((status) => status !== "100"),
    ["200", "200"],
  );
});

test("half_closed is configured per listener", (t) => {
  const { client, endpoints, pass } = stageAlone(t, ({ listeners }) => {
    for (const { timeouts } of listeners) timeouts.half_closed = 60_000;
  });
  client.send(get("/slow"));
  client.leave();
  for (let waited = 0; waited < 59_000; waited += 1000) pass(1000);
  assert.equal(client.destroyed, false);
  endpoints[0]?.respond(OK);
  assert.equal(client.statuses.at(-1), "200");
});

test("a body that ends with its connection does not look whole to a client that half-closed and listens", (t) => {
  const { client, endpoints, pass } = stageAlone(t);
  client.send(get("/"));
  endpoints[0]?.respond("HTTP/1.1 200 OK\r\n\r\nbegun,");
  client.leave();
  pass(5100);
  assert.equal(client.wasReset, true);
});

test("a body that ends with its connection does not look whole to a client that half-closed in the middle of its request", (t) => {
  const { client, endpoints, thread, records } = stageAlone(t);
  client.send("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  endpoints[0]?.respond("HTTP/1.1 200 OK\r\n\r\nbegun,");
  thread.writes.flush();
  client.leave();
  assert.equal(client.wasReset, true);
  assert.deepEqual(
    records.map(({ status, outcome }) => [status, outcome]),
    [[200, "client_gone"]],
  );
});

test("a response that begins right after the client's end is not interrupted by the question whether the client is there", (t) => {
  const { client, endpoints, thread, pass } = stageAlone(t);
  client.send(get("/"));
  client.leave();
  endpoints[0]?.respond("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
  thread.writes.flush();
  pass(100);
  assert.deepEqual(client.statuses, ["200"]);
  endpoints[0]?.respond("lf");
  thread.writes.flush();
  assert.ok(client.received.endsWith("\r\n\r\nhalf"), client.received);
});

test("the time without a byte begins anew when a slow client has taken what it was sent", async (t) => {
  const { client, endpoints, thread, pass } = stageAlone(t);
  client.send(get("/events"));
  client.isFull = true;
  endpoints[0]?.respond(STREAM + EVENT);
  thread.writes.flush();
  client.leave();
  pass(20_000);
  assert.equal(client.destroyed, false, "the client has its usual time to take what it was sent");
  client.takeAll();
  pass(4000);
  assert.equal(client.destroyed, false);
  endpoints[0]?.respond(`${EVENT}0\r\n\r\n`);
  await turn();
  assert.ok(client.received.endsWith("0\r\n\r\n"));
});

test("a response to a client that has sent its end says that it is the last one", (t) => {
  const { client, connection, endpoints } = stageAlone(t);
  client.send(get("/"));
  client.leave();
  connection.pauseRequest();
  endpoints[0]?.respond(OK);
  assert.match(client.received, /\r\nConnection: close\r\n/);
  assert.equal(connection.input, Input.ended, "there is nothing to pause");
});

test("a client that does not take the interim response that asks whether it is there has the usual time to take it", (t) => {
  const { client, connection, endpoints, thread, records, pass } = stageAlone(t);
  client.send(get("/"));
  client.isFull = true;
  client.leave();
  pass(25);
  assert.deepEqual([client.statuses, connection.deadline], [["100"], Deadline.taking]);
  pass(50_000);
  assert.equal(records.length, 0);
  client.takeAll();
  assert.equal(connection.deadline, Deadline.probe);
  endpoints[0]?.respond(OK);
  thread.writes.flush();
  assert.deepEqual(client.statuses, ["100", "200"]);
});
