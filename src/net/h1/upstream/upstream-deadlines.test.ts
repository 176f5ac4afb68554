/** Each deadline of a connection to an endpoint and what happens when it passes, and each fate of a connection (upstream-state.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Config } from "../../../config/schema/schema.ts";
import { OK, get, stageOfBoth } from "../../stage.fixture.ts";
import type { Client, Dialled, Stage } from "../../stage.fixture.ts";
import { Fate, State } from "./upstream-state.ts";

interface Asked extends Stage {
  readonly dialled: readonly Dialled[];
  readonly endpoint: Client;
  /** The endpoint sends this text, and it reaches the client. */
  says(text: string): void;
  ends(): (readonly [status: number, outcome: string])[];
}

/** Sends `request` over a new connection to the endpoint. */
function asked(t: TestContext, request: string, adapt?: (config: Config) => void): Asked {
  const one = stageOfBoth(t, adapt);
  const { client, thread, dialled, records } = one;
  client.send(request);
  const [first = assert.fail("no connection was opened")] = dialled;
  first.connect();
  thread.writes.flush();
  const { endpoint } = first;
  return {
    ...one,
    endpoint,
    says: (text) => {
      endpoint.send(text);
      thread.writes.flush();
    },
    ends: () => records.map(({ status, outcome }) => [status, outcome] as const),
  };
}

const post = (length: number): string => `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\n`;
const NO_RETRIES = ({ upstreams }: Config): void => {
  for (const upstream of Object.values(upstreams)) upstream.retries = 0;
};

/** Lets time pass in small steps, as in reality. */
function wait({ pass }: Stage, ms: number): void {
  for (let passed = 0; passed < ms; passed += 500) pass(500);
}

test("a connection that is not made in time and one that cannot be made end with different outcomes", (t) => {
  const late = stageOfBoth(t, NO_RETRIES);
  late.client.send(get("/"));
  wait(late, 4500);
  assert.deepEqual(late.client.statuses, []);
  wait(late, 1000);
  assert.deepEqual(late.client.statuses, ["504"]);
  assert.equal(late.records[0]?.outcome, "connection_timeout");
  assert.equal(late.dialled[0]?.endpoint.destroyed, true);
  const refused = stageOfBoth(t, NO_RETRIES);
  refused.client.send(get("/"));
  refused.dialled[0]?.fail("ECONNREFUSED");
  assert.equal(refused.records[0]?.outcome, "connection_refused");
  assert.equal(refused.thread.endpoints.refusing(0), true);
});

test("a connection that is established after its client has left is closed", (t) => {
  const one = stageOfBoth(t);
  one.client.send(get("/"));
  const { endpoint, connect } = one.dialled[0] ?? assert.fail();
  one.client.fail("ECONNRESET");
  assert.deepEqual([one.records[0]?.outcome, endpoint.destroyed], ["client_reset", true]);
  connect();
  assert.equal(endpoint.received, "");
});

test("a response whose head does not come is given up after response_head, one that stands still after idle", (t) => {
  const silent = asked(t, get("/"), NO_RETRIES);
  wait(silent, 59_000);
  assert.deepEqual(silent.ends(), []);
  wait(silent, 1500);
  assert.deepEqual(silent.ends(), [[504, "response_timeout"]]);
  assert.equal(silent.thread.endpoints.refusing(0), false, "it has taken the connection");
  const still = asked(t, get("/"));
  still.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
  wait(still, 30_000);
  still.says("l");
  wait(still, 59_000);
  assert.deepEqual(still.ends(), []);
  wait(still, 1500);
  assert.deepEqual(still.ends(), [[200, "response_timeout"]]);
  assert.equal(still.client.destroyed, true);
});

test("the head's deadline begins after the request, or earlier if the client waits for a 100", (t) => {
  const slow = asked(t, post(100_000));
  for (let sent = 0; sent < 20; sent++) {
    wait(slow, 4500);
    slow.client.send("x".repeat(4000));
  }
  assert.deepEqual(slow.ends(), []);
  const expecting = "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n";
  const waiting = asked(t, expecting, NO_RETRIES);
  wait(waiting, 61_000);
  assert.deepEqual(waiting.ends(), [[504, "response_timeout"]]);
  const told = asked(t, expecting);
  told.says("HTTP/1.1 100 Continue\r\n\r\n");
  for (let sent = 0; sent < 20; sent++) {
    wait(told, 4500);
    told.client.send("x".repeat(4000));
  }
  assert.deepEqual(told.ends(), []);
});

test("an endpoint that takes nothing of a request's last bytes has the idle limit, not that of the response's head", (t) => {
  const one = asked(t, post(10_000), (config) => {
    NO_RETRIES(config);
    for (const { timeouts } of Object.values(config.upstreams)) timeouts.response_head = 300_000;
  });
  one.endpoint.isFull = true;
  one.client.send("x".repeat(10_000));
  wait(one, 59_000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[504, "write_timeout"]]);
  assert.equal(one.endpoint.wasReset, true);
});

test("the time in which an endpoint takes nothing of a request does not begin anew with the request's end", (t) => {
  const one = asked(t, post(20_000), NO_RETRIES);
  one.endpoint.isFull = true;
  one.client.send("x".repeat(10_000));
  wait(one, 50_000);
  one.client.send("x".repeat(10_000));
  wait(one, 9000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[504, "write_timeout"]]);
});

test("an endpoint that has taken the request late has its full time for the head", (t) => {
  const one = asked(t, post(10_000), NO_RETRIES);
  one.endpoint.isFull = true;
  one.client.send("x".repeat(10_000));
  wait(one, 50_000);
  one.endpoint.takeAll();
  wait(one, 59_000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[504, "response_timeout"]]);
});

test("in a dialogue an endpoint that takes nothing is not given up while it says something", (t) => {
  const one = asked(t, post(100_000));
  one.endpoint.isFull = true;
  one.client.send("x".repeat(10_000));
  one.says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  for (let said = 0; said < 10; said++) {
    wait(one, 30_000);
    one.says("y");
  }
  assert.deepEqual(one.ends(), []);
  wait(one, 59_000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[200, "write_timeout"]]);
});

test("an endpoint that takes nothing and is not read is given up, although it could have something to send", (t) => {
  const one = asked(t, post(100_000));
  one.endpoint.isFull = true;
  one.client.send("x".repeat(10_000));
  one.says("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n");
  wait(one, 30_000);
  one.client.isFull = true;
  one.says("y".repeat(10_000));
  assert.equal(one.endpoint.isPaused, true);
  wait(one, 31_000);
  assert.deepEqual(one.ends(), [[200, "write_timeout"]]);
});

for (const [when, before] of [
  ["with its last bytes", false],
  ["before its end", true],
] as const) {
  test(`an endpoint that takes no more of a request, ${when}, has a second for its last words`, (t) => {
    const silent = asked(t, post(10), NO_RETRIES);
    if (!before) silent.client.send("1234567890");
    silent.endpoint.refuseWrites();
    if (before) silent.client.send("1234567890");
    silent.pass(900);
    assert.deepEqual(silent.ends(), []);
    silent.pass(200);
    assert.deepEqual(silent.ends(), [[502, "connection_terminated"]]);
    const talking = asked(t, post(10));
    talking.endpoint.refuseWrites();
    talking.client.send(before ? "12345" : "1234567890");
    talking.pass(500);
    talking.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    assert.deepEqual(talking.ends(), [[413, "completed"]]);
    assert.deepEqual([talking.client.statuses, talking.endpoint.destroyed], [["413"], true]);
  });
}

test("last words that go on have the idle limit", (t) => {
  const one = asked(t, post(10));
  one.endpoint.isFull = true;
  one.client.send("1234567890");
  one.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
  one.endpoint.refuseWrites();
  wait(one, 59_000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[200, "response_timeout"]]);
});

test("an endpoint is not blamed for a response that its client does not take", (t) => {
  const one = asked(t, get("/"));
  one.client.isFull = true;
  one.says("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  for (let taken = 0; taken < 10; taken++) {
    wait(one, 50_000);
    one.client.queuedBytes = 0;
    one.client.takeAll();
    one.client.isFull = true;
    one.says("x".repeat(10_000));
  }
  assert.deepEqual(one.ends(), []);
  wait(one, 61_000);
  assert.deepEqual(one.ends(), [[200, "client_stalled"]]);
});

test("the head's time starts again after a pause in which the client took nothing: the head may have come unread", (t) => {
  const one = asked(t, get("/"), (config) => {
    for (const { timeouts } of config.listeners) timeouts.idle = 300_000;
  });
  one.client.isFull = true;
  one.says("HTTP/1.1 103 Early Hints\r\n\r\n");
  assert.equal(one.endpoint.isPaused, true);
  wait(one, 100_000);
  one.client.takeAll();
  assert.equal(one.endpoint.isPaused, false);
  wait(one, 59_000);
  assert.deepEqual(one.ends(), []);
  wait(one, 1500);
  assert.deepEqual(one.ends(), [[504, "response_timeout"]]);
});

test("a connection is not used again if its request was not taken completely, or if it is paused", (t) => {
  const unwritten = asked(t, post(10));
  unwritten.endpoint.isFull = true;
  unwritten.client.send("1234567890");
  unwritten.says(OK);
  assert.deepEqual([unwritten.ends(), unwritten.endpoint.wasReset], [[[200, "completed"]], true]);
  const unread = asked(t, get("/"));
  unread.client.isFull = true;
  unread.says("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n");
  assert.equal(unread.endpoint.isPaused, true);
  unread.says("x".repeat(20_000));
  assert.deepEqual([unread.ends(), unread.endpoint.destroyed], [[[200, "completed"]], true]);
});

test("a response that comes before its request was sent does not belong to it: the request goes out on another connection", (t) => {
  const one = asked(t, get("/"));
  one.says(OK);
  Reflect.set(one.thread.writes, "passOver", 0);
  one.client.send(get("/second"));
  one.endpoint.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  assert.deepEqual([one.endpoint.destroyed, one.dialled.length], [true, 2]);
  one.dialled[1]?.connect();
  one.thread.writes.flush();
  one.dialled[1]?.endpoint.send(OK);
  one.thread.writes.flush();
  assert.deepEqual(one.client.statuses, ["200", "200"]);
});

test("an idle connection is closed after its idle time, or when bytes come without a request", (t) => {
  const quiet = asked(t, get("/"));
  quiet.says(OK);
  assert.deepEqual([quiet.dialled[0]?.connection.state, quiet.dialled[0]?.connection.usable], [State.idle, true]);
  assert.equal(quiet.dialled[0]?.connection.pool.size, 1);
  quiet.endpoint.readable = false;
  assert.equal(quiet.dialled[0]?.connection.usable, false, "its end has come and is not told yet");
  wait(quiet, 61_000);
  assert.deepEqual([quiet.endpoint.destroyed, quiet.dialled[0]?.connection.pool.size], [true, 0]);
  const loud = asked(t, get("/"));
  loud.says(OK);
  loud.endpoint.send(OK);
  assert.equal(loud.endpoint.destroyed, true);
  loud.client.send(get("/second"));
  assert.equal(loud.dialled.length, 2, "it is not given out again");
});

for (const [what, request, response, fate] of [
  ["that both sides keep", get("/"), OK, Fate.pooled],
  ["that its endpoint ends", get("/"), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", Fate.last],
  ["of HTTP/1.0", get("/"), "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", Fate.last],
  [
    "on which a user is asked who it is",
    get("/"),
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
    Fate.owned,
  ],
  [
    "that ends while a user is asked who it is",
    get("/"),
    "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
    Fate.last,
  ],
  ["whose endpoint says what no response has", get("/"), "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", Fate.last],
  ["of an early answer", `${post(10)}12345`, OK, Fate.pooled],
  ["that brings more than its response", get("/"), `${OK}HTTP/1.1 200 OK\r\n`, Fate.pooled],
] as const) {
  test(`what becomes of a connection ${what}`, (t) => {
    const one = asked(t, request);
    const { connection } = one.dialled[0] ?? assert.fail();
    one.says(response);
    assert.equal(one.ends().length, 1);
    assert.equal(connection.fate, fate);
    const stays = ["that both sides keep", "on which a user is asked who it is"].includes(what);
    assert.deepEqual([one.endpoint.destroyed, connection.usable], [!stays, stays]);
  });
}

test("a stray line end that comes after the connection was taken again makes the exchange the connection's last", (t) => {
  const one = asked(t, get("/"));
  one.says(OK);
  one.client.send(get("/second"));
  one.thread.writes.flush();
  const { connection } = one.dialled[0] ?? assert.fail();
  one.says("\r\n");
  assert.deepEqual([connection.state, connection.fate], [State.asking, Fate.last]);
  one.says(OK);
  assert.deepEqual([one.client.statuses, one.endpoint.destroyed, one.dialled.length], [["200", "200"], true, 1]);
});
