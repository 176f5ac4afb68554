import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnEnd } from "node:timers/promises";
import { plainConfig } from "../config/plain.ts";
import { OK, get, stageOfBoth } from "./stage.fixture.ts";
import { loneThread } from "./lone-thread.ts";
import type { Thread } from "./thread.ts";
import { WorkerTable } from "../shared/worker-table.ts";

/** Whether the event of a socket reads the clock: `now` is set back first, and only `tick` sets it. */
function reads(thread: Thread): boolean {
  thread.now = 0;
  thread.tick();
  return thread.now !== 0;
}

function busyTurn(thread: Thread, written: string[]): void {
  thread.writes.keep({ endWait: () => void written.push("written") }, true);
}

test("in a turn that has many events the clock is read once for several of them", async (t) => {
  const thread = loneThread(plainConfig("127.0.0.1:0", "http://127.0.0.1:1"), () => {});
  t.after(() => thread.close());
  assert.deepEqual([reads(thread), reads(thread)], [true, true], "where each event has a turn of its own");
  const written: string[] = [];
  busyTurn(thread, written);
  const readings = Array.from({ length: 32 }, () => reads(thread));
  assert.equal(readings.filter((each) => each).length, 2, `${readings}`);
  assert.equal(readings[0], false);
  await turnEnd();
  assert.deepEqual(written, ["written"]);
  assert.equal(reads(thread), true, "a new turn begins with a reading");
});

test("a full batch is written at the next event, and the clock is read then", async (t) => {
  const thread = loneThread(plainConfig("127.0.0.1:0", "http://127.0.0.1:1"), () => {});
  t.after(() => thread.close());
  const written: string[] = [];
  for (let count = 0; count < 128; count++) busyTurn(thread, written);
  assert.equal(written.length, 0);
  assert.equal(reads(thread), true);
  assert.equal(written.length, 128);
  assert.equal(reads(thread), false, "the turn goes on");
  await turnEnd();
});

test("all threads of the process share one limit for bodies that are kept in memory, and it can be reloaded", (t) => {
  const table = WorkerTable.create(2, 1, 0, 0);
  const config = plainConfig("127.0.0.1:0", "http://127.0.0.1:1");
  const [one, other] = [0, 1].map((index) => {
    const thread = loneThread({ ...config, limits: { buffered_bytes: 100 } }, () => {});
    t.after(() => thread.close());
    return Object.assign(thread, { workerIndex: index, workers: new WorkerTable(table) });
  });
  assert.ok(one !== undefined && other !== undefined);
  assert.deepEqual([one.takeMemory(60), other.takeMemory(60), other.takeMemory(40)], [true, false, true]);
  assert.equal(one.workers.kept(), 100);
  one.giveMemory(60);
  assert.deepEqual([other.takeMemory(60), one.takeMemory(1)], [true, false]);
  const reloaded = loneThread({ ...config, limits: { buffered_bytes: 101 } }, () => {});
  t.after(() => reloaded.close());
  one.use(reloaded.snapshot);
  assert.deepEqual([one.takeMemory(1), one.takeMemory(1)], [true, false]);
});

test("a connection to an endpoint that a reload has removed, opened for an older exchange, is not kept for later ones", async (t) => {
  const { client, thread, dialled } = stageOfBoth(t, ({ upstreams }) => {
    for (const one of Object.values(upstreams)) one.endpoints = [1, 2].map((n) => ({ url: `http://127.0.0.1:${n}`, weight: 1 }));
  });
  client.send(get("/"));
  const { routes, upstreams, ...rest } = plainConfig("127.0.0.1:0", "http://127.0.0.1:3");
  const renamed = { other: upstreams["app"] ?? assert.fail("the upstream is not there") };
  const reloaded = loneThread({ ...rest, upstreams: renamed, routes: routes.map((route) => ({ ...route, upstream: "other" })) }, () => {});
  t.after(() => reloaded.close());
  thread.use(reloaded.snapshot);
  dialled[0]?.fail("ECONNREFUSED");
  const second = dialled[1] ?? assert.fail("the other endpoint was not tried");
  second.connect();
  thread.writes.flush();
  second.endpoint.send(OK);
  thread.writes.flush();
  assert.deepEqual(client.statuses, ["200"]);
  assert.equal(second.endpoint.destroyed, true);
  await turnEnd();
  const kept = ["pools", "responseReaders"].map((name) => [...(Reflect.get(thread, name) as Map<string, unknown>).keys()]);
  assert.deepEqual(kept, [[], []]);
});
