import { test } from "node:test";
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { ENDPOINT_COUNT, ENDPOINT_HEALTH, ENDPOINT_SLOTS, EndpointTable, WORKERS_MAX } from "./endpoint-table.ts";

const table = (capacity?: number): EndpointTable => new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(capacity)));

test("a table knows its capacity from its buffer", () => {
  assert.equal(table().capacity, ENDPOINT_SLOTS);
  assert.equal(table(3).capacity, 3);
  assert.throws(() => new EndpointTable(new SharedArrayBuffer(100)), RangeError);
});

test("health starts unknown and is seen through another view of the same buffer", () => {
  const buffer = new SharedArrayBuffer(EndpointTable.bytes(8));
  const writer = new EndpointTable(buffer);
  const reader = new EndpointTable(buffer);
  assert.equal(reader.health(7), ENDPOINT_HEALTH.unknown);
  writer.setHealth(7, ENDPOINT_HEALTH.unhealthy);
  assert.equal(reader.health(7), ENDPOINT_HEALTH.unhealthy);
  assert.equal(reader.health(6), ENDPOINT_HEALTH.unknown);
});

test("whether the last attempt to connect failed is kept apart from health, and seen through another view", () => {
  const buffer = new SharedArrayBuffer(EndpointTable.bytes(8));
  const [writer, reader] = [new EndpointTable(buffer), new EndpointTable(buffer)];
  assert.equal(reader.refusing(7), false);
  writer.setRefusing(7, true);
  writer.inFlightAdd(0, 0, 1);
  assert.deepEqual(
    [reader.refusing(7), reader.health(7), reader.refusing(6), reader.inFlight(7)],
    [true, ENDPOINT_HEALTH.unknown, false, 0],
  );
  writer.setRefusing(7, false);
  assert.equal(reader.refusing(7), false);
  assert.throws(() => writer.setRefusing(8, true), RangeError);
});

test("the other counts of an endpoint are kept apart, summed over workers, and forgotten with a dead worker", () => {
  const endpoints = table(4);
  const { retrying, held } = ENDPOINT_COUNT;
  for (const worker of [0, 5]) {
    endpoints.add(retrying, worker, 3, 1);
    endpoints.add(held, worker, 0, 10);
  }
  assert.deepEqual(
    [0, 1, 2, 3].map((slot) => [endpoints.inFlight(slot), endpoints.total(retrying, slot), endpoints.total(held, slot)]),
    [
      [0, 0, 20],
      [0, 0, 0],
      [0, 0, 0],
      [0, 2, 0],
    ],
  );
  endpoints.clearWorker(5);
  assert.deepEqual([endpoints.total(retrying, 3), endpoints.total(held, 0)], [1, 10]);
  assert.throws(() => endpoints.add(held, 0, 4, 1), RangeError);
  assert.throws(() => endpoints.add(held, WORKERS_MAX, 0, 1), RangeError);
});

test("in-flight counts are summed over workers, and a dead worker's are forgotten", () => {
  const endpoints = table(4);
  endpoints.inFlightAdd(0, 2, 1);
  endpoints.inFlightAdd(5, 2, 1);
  endpoints.inFlightAdd(5, 2, 1);
  endpoints.inFlightAdd(5, 3, 1);
  assert.equal(endpoints.inFlight(2), 3);
  endpoints.clearWorker(5);
  assert.equal(endpoints.inFlight(2), 1);
  assert.equal(endpoints.inFlight(3), 0);
  endpoints.inFlightAdd(0, 2, -1);
  assert.equal(endpoints.inFlight(2), 0);
  endpoints.clearWorker(200); // never counted anything: nothing to do
});

test("a slot or worker out of range never touches a neighbour's row", () => {
  const endpoints = table(4);
  assert.throws(() => endpoints.inFlightAdd(0, 4, 1), RangeError);
  assert.throws(() => endpoints.inFlightAdd(0, -1, 1), RangeError);
  assert.throws(() => endpoints.inFlightAdd(WORKERS_MAX, 0, 1), RangeError);
  assert.throws(() => endpoints.health(4), RangeError);
  assert.throws(() => endpoints.setHealth(-1, 1), RangeError);
});

test("counts of real threads are exact and survive a thread that is killed", async () => {
  const buffer = new SharedArrayBuffer(EndpointTable.bytes(16));
  const endpoints = new EndpointTable(buffer);
  const script = `
    const { workerData, parentPort } = require("node:worker_threads");
    import(workerData.module).then(({ EndpointTable }) => {
      const table = new EndpointTable(workerData.buffer);
      for (let i = 0; i < 20000; i++) { table.inFlightAdd(workerData.index, i % 16, 1); table.inFlightAdd(workerData.index, i % 16, -1); }
      for (let slot = 0; slot < 16; slot++) table.inFlightAdd(workerData.index, slot, workerData.index + 1);
      parentPort.postMessage("done");
      setInterval(() => {}, 1000);
    });`;
  const module = new URL("./endpoint-table.ts", import.meta.url).href;
  const workers = [0, 1].map((index) => new Worker(script, { eval: true, workerData: { module, buffer, index } }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  for (let slot = 0; slot < 16; slot++) assert.equal(endpoints.inFlight(slot), 3);
  await workers[1]?.terminate();
  endpoints.clearWorker(1);
  for (let slot = 0; slot < 16; slot++) assert.equal(endpoints.inFlight(slot), 1);
  await workers[0]?.terminate();
});
