/** Dialogues: exchanges in which both bodies flow at once and each side may wait for the other's next bytes. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { origin, stage, stageAlone } from "./stage.fixture.ts";

const BEGIN = "POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const WORD = "8\r\n12345678\r\n";
const MINUTE = 60_000;

test("eight bytes a second, each answered, go on for as long as both sides want", (t) => {
  const { client, endpoints, thread, records, pass } = stageAlone(t);
  client.send(BEGIN);
  endpoints[0]?.respond(HEAD);
  for (let count = 0; count < 300; count++) {
    client.send(WORD);
    endpoints[0]?.respond(WORD);
    thread.writes.flush();
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
    const { client, endpoints, thread, pass } = stageAlone(t);
    client.send(BEGIN);
    endpoints[0]?.respond(HEAD);
    for (let count = 0; count < 20; count++) {
      if (listens) endpoints[0]?.respond(WORD);
      else client.send(WORD);
      thread.writes.flush();
      pass(50_000);
      assert.equal(client.destroyed, false, `after ${count + 1} words`);
    }
  });
}

test("silence in both directions ends the exchange after the idle limit", (t) => {
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

test(
  "an endpoint that speaks while it reads no more of the request is not silent; one that does neither is",
  { timeout: 20_000 },
  async (t) => {
    let socket: Socket | null = null;
    const url = await origin(t, (_, connection) => {
      if (socket === null) connection.pause();
      socket = connection;
    });
    const { client, thread, records, pass } = stage(t, url);
    client.send(BEGIN);
    while (socket === null) await turn();
    const connection: Socket = socket;
    const hears = async (text: string): Promise<void> => {
      const before = client.received.length;
      connection.write(text);
      while (client.received.length === before) {
        await turn();
        thread.writes.flush();
      }
    };
    await hears(HEAD + WORD);
    // More than the socket buffers of both ends hold.
    const megabyte = `100000\r\n${"x".repeat(1024 ** 2)}\r\n`;
    for (let count = 0; count < 16; count++) client.send(megabyte);
    for (let count = 0; count < 5; count++) {
      pass(40_000);
      await hears(WORD);
    }
    assert.equal(client.destroyed, false);
    pass(MINUTE + 1000);
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ["write_timeout"],
    );
  },
);
