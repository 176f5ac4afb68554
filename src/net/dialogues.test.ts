/** Exchanges in which both bodies flow at once, each side waiting for the other's next word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stageAlone } from "./stage.fixture.ts";

const BEGIN = "POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const WORD = "8\r\n12345678\r\n";
const MINUTE = 60_000;

test("eight bytes a second, each answered, go on for as long as both sides want", (t) => {
  const { client, endpoints, plane, records, pass } = stageAlone(t);
  client.send(BEGIN);
  endpoints[0]?.respond(HEAD);
  for (let count = 0; count < 300; count++) {
    client.send(WORD);
    endpoints[0]?.respond(WORD);
    plane.writes.flush();
    pass(1000);
    assert.equal(client.destroyed, false, `after ${count + 1} s`);
  }
  assert.deepEqual(records, []);
  assert.equal(client.received.split("12345678").length, 301);
});

test("before the response has begun a body that drips is refused", (t) => {
  const { client, pass } = stageAlone(t);
  client.send(BEGIN);
  for (let count = 0; count < 8; count++) {
    client.send(WORD);
    pass(1000);
  }
  assert.deepEqual(client.statuses, ["408"]);
});

for (const [who, listens] of [
  ["the client", false],
  ["the endpoint", true],
] as const) {
  test(`only ${who} speaks, a word in 50 s: that is no silence`, (t) => {
    const { client, endpoints, plane, pass } = stageAlone(t);
    client.send(BEGIN);
    endpoints[0]?.respond(HEAD);
    for (let count = 0; count < 20; count++) {
      if (listens) endpoints[0]?.respond(WORD);
      else client.send(WORD);
      plane.writes.flush();
      pass(50_000);
      assert.equal(client.destroyed, false, `after ${count + 1} words`);
    }
  });
}

test("silence in both directions ends it after the idle limit", (t) => {
  const { client, endpoints, records, pass } = stageAlone(t);
  client.send(BEGIN + WORD);
  endpoints[0]?.respond(HEAD + WORD);
  pass(MINUTE - 1000);
  assert.equal(client.destroyed, false);
  pass(1500);
  assert.equal(client.destroyed, true);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["request_timeout"],
  );
});

test("what is uploaded after the response has ended is read for a moment only", (t) => {
  const { client, endpoints, pass } = stageAlone(t);
  client.send(BEGIN);
  endpoints[0]?.respond(`${HEAD}0\r\n\r\n`);
  for (let count = 0; count < 3; count++) {
    client.send(WORD);
    pass(1000);
  }
  assert.equal(client.destroyed, true);
});
