/** An origin that works on a request for a long time and says so with 102 (Processing): how long the proxy waits for it. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { origin, stage } from "../../stage.fixture.ts";
import type { Stage } from "../../stage.fixture.ts";

const PROCESSING = "HTTP/1.1 102 Processing\r\n\r\n";
const PUT = "PUT / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
const COPY = "COPY /large HTTP/1.1\r\nHost: a.test\r\nDestination: /other\r\n\r\n";

interface Work extends Stage {
  /** The origin sends this text; resolves when it has reached the client. */
  says(text: string): Promise<void>;
}

/** A request that has gone to its origin, with `response_head` of one minute. Time passes only when the test says so. */
async function work(t: TestContext, processing: number, request: string = COPY): Promise<Work> {
  let socket: Socket | null = null;
  const url = await origin(t, (_, connection) => (socket = connection));
  const one = stage(t, url, ({ upstreams }) => {
    for (const { timeouts } of Object.values(upstreams)) timeouts.processing = processing;
  });
  one.client.send(request);
  while (socket === null) await turn();
  const connection: Socket = socket;
  return {
    ...one,
    says: async (text) => {
      const before = one.client.received.length;
      connection.write(text);
      while (one.client.received.length === before) {
        await turn();
        one.thread.writes.flush();
      }
    },
  };
}

test("each 102 extends the wait: one every 10 s for ten minutes, then the response", async (t) => {
  const { client, says, pass } = await work(t, 3_600_000);
  for (let count = 0; count < 60; count++) {
    pass(10_000);
    await says(PROCESSING);
  }
  await says("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  assert.equal(client.statuses.filter((status) => status === "102").length, 60);
  assert.equal(client.statuses.at(-1), "201");
});

test("a 102 extends the wait for a 100 as well", async (t) => {
  const { client, says, pass } = await work(t, 3_600_000, PUT);
  pass(50_000);
  await says(PROCESSING);
  pass(50_000);
  assert.deepEqual(client.statuses, ["102"]);
  pass(11_000);
  assert.deepEqual(client.statuses, ["102", "504"]);
});

test("the wait for a 100 is limited although the client took another interim response late", async (t) => {
  const { client, says, pass } = await work(t, 3_600_000, PUT);
  client.isFull = true;
  await says("HTTP/1.1 103 Early Hints\r\n\r\n");
  client.takeAll();
  pass(61_000);
  assert.deepEqual(client.statuses, ["103", "504"]);
});

test("silence after a 102 ends after response_head", async (t) => {
  const { client, says, pass } = await work(t, 3_600_000);
  pass(50_000);
  await says(PROCESSING);
  pass(50_000);
  assert.deepEqual(client.statuses, ["102"]);
  pass(11_000);
  assert.deepEqual(client.statuses, ["102", "504"]);
});

test("a 103 does not extend the wait", async (t) => {
  const { client, says, pass } = await work(t, 3_600_000);
  pass(50_000);
  await says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  pass(11_000);
  assert.deepEqual(client.statuses, ["103", "504"]);
});

test("102s extend the wait up to timeouts.processing", async (t) => {
  const { client, records, says, pass } = await work(t, 90_000);
  for (let count = 0; count < 9; count++) {
    pass(10_000);
    await says(PROCESSING);
  }
  pass(9000);
  assert.equal(client.statuses.at(-1), "102");
  pass(2000);
  assert.equal(client.statuses.at(-1), "504");
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["response_timeout"],
  );
});

test("an extended wait does not apply to the next request on the connection", { timeout: 20_000 }, async (t) => {
  const { client, says, pass } = await work(t, 90_000);
  pass(10_000);
  await says(PROCESSING);
  await says("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  client.send(COPY);
  for (let count = 0; count < 2; count++) {
    pass(50_000);
    await says(PROCESSING);
  }
  assert.deepEqual(client.statuses, ["102", "201", "102", "102"]);
});

test("more than 32 interim responses that come faster than one a second are a fault", async (t) => {
  const { client, says } = await work(t, 3_600_000);
  await says(PROCESSING.repeat(32));
  assert.equal(client.statuses.length, 32);
  await says(PROCESSING);
  assert.equal(client.statuses.at(-1), "502");
});
