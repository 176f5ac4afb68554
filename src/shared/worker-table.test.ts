import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { NOTICE, WorkerTable } from "./worker-table.ts";

function table(workers: number = 3, listeners: number = 2): WorkerTable {
  return new WorkerTable(WorkerTable.create(workers, listeners, 0x1234_5678, 0x9abc_def0));
}

test("connections are counted by listener and client, over all workers", () => {
  const shared = table();
  shared.addConnection(0, 0, "192.0.2.1", 1);
  shared.addConnection(2, 0, "192.0.2.1", 1);
  shared.addConnection(1, 0, "192.0.2.2", 1);
  shared.addConnection(1, 1, "192.0.2.1", 1);
  assert.deepEqual([shared.connections(0), shared.connections(1)], [3, 1]);
  assert.deepEqual(
    [shared.connectionsOf(0, "192.0.2.1"), shared.connectionsOf(0, "192.0.2.2"), shared.connectionsOf(1, "192.0.2.2")],
    [2, 1, 0],
  );
  shared.addConnection(2, 0, "192.0.2.1", -1);
  assert.equal(shared.connectionsOf(0, "192.0.2.1"), 1);
});

test("tables on one buffer see the same", () => {
  const buffer = WorkerTable.create(2, 1, 1, 2);
  const [one, other] = [new WorkerTable(buffer), new WorkerTable(buffer)];
  one.addConnection(0, 0, "a", 1);
  other.addConnection(1, 0, "a", 1);
  assert.equal(one.connectionsOf(0, "a"), 2);
  one.addDescriptors(0, 5);
  other.addDescriptors(1, 3);
  other.addDescriptors(1, -1);
  assert.equal(other.descriptors(), 7);
  assert.equal(other.clients(), 2);
});

test("notices about a listener are counted over all threads, and reported by one of them once in a while", () => {
  const buffer = WorkerTable.create(2, 2, 1, 2);
  const [one, other] = [new WorkerTable(buffer), new WorkerTable(buffer)];
  const take = (table: WorkerTable, nowMs: number): number => table.takeCount(1, NOTICE.connections, nowMs, 60);
  assert.equal(take(one, 5000), 0);
  one.count(1, NOTICE.connections);
  other.count(1, NOTICE.connections);
  assert.deepEqual([take(one, 5000), take(other, 5000)], [2, 0]);
  other.count(1, NOTICE.connections);
  one.clearWorker(0);
  assert.deepEqual([take(one, 64_999), take(other, 65_000), take(one, 65_000)], [0, 1, 0]);
  assert.equal(one.takeCount(0, NOTICE.connections, 1e9, 60), 0, "another listener's");
  assert.equal(one.takeCount(1, NOTICE.forwarding, 1e9, 60), 0);
  assert.throws(() => one.count(2, NOTICE.connections), RangeError);
  assert.deepEqual([one.connections(0), one.connections(1), one.descriptors()], [0, 0, 0]);
});

test("clients that forward for others are known to all threads, on their listener, in a memory of fixed size", () => {
  const buffer = WorkerTable.create(2, 2, 1, 2);
  const [one, other] = [new WorkerTable(buffer), new WorkerTable(buffer)];
  one.markForwarding(1, "10.0.0.1");
  assert.deepEqual(
    [other.isForwarding(1, "10.0.0.1"), other.isForwarding(0, "10.0.0.1"), other.isForwarding(1, "10.0.0.2")],
    [true, false, false],
  );
  for (let count = 0; count < 1000; count++) one.markForwarding(1, `10.1.${count >> 8}.${count & 255}`);
  assert.equal(other.isForwarding(1, "10.1.3.231"), true);
  assert.equal(other.takeCount(1, NOTICE.forwarding, 0, 60), 0);
  assert.deepEqual([one.connections(0), one.connections(1), one.takeCount(0, NOTICE.connections, 1e9, 60)], [0, 0, 0]);
});

test("a slot that is given to a new listener has nothing of the one before it", () => {
  const shared = table();
  shared.count(1, NOTICE.connections);
  assert.equal(shared.takeCount(1, NOTICE.connections, 0, 60), 1);
  shared.count(1, NOTICE.connections);
  shared.count(0, NOTICE.connections);
  shared.markForwarding(1, "10.0.0.1");
  shared.addConnection(0, 0, "a", 1);
  shared.resetListener(1);
  assert.deepEqual([shared.takeCount(1, NOTICE.connections, 1e9, 60), shared.isForwarding(1, "10.0.0.1")], [0, false]);
  shared.count(1, NOTICE.connections);
  assert.equal(shared.takeCount(1, NOTICE.connections, 0, 60), 1, "it may be said at once");
  assert.deepEqual([shared.takeCount(0, NOTICE.connections, 0, 60), shared.connections(0), shared.clients()], [1, 1, 1]);
  assert.throws(() => shared.resetListener(2), RangeError);
});

test("what a dead worker had counted is forgotten, the others' counts stay", () => {
  const shared = table();
  for (const worker of [0, 1]) {
    shared.addConnection(worker, 1, "a", 1);
    shared.addDescriptors(worker, 2);
    shared.beat(worker);
  }
  shared.clearWorker(0);
  assert.deepEqual([shared.connections(1), shared.connectionsOf(1, "a"), shared.descriptors()], [1, 1, 2]);
  assert.deepEqual([shared.beats(0), shared.beats(1)], [0, 1]);
});

test("one call begins a shortage, and one call ends it, after descriptors were enough for a while", () => {
  const shared = table();
  assert.ok(!shared.endShortage(1000));
  assert.deepEqual([shared.beginShortage(1000), shared.beginShortage(1500), shared.endShortage(3900)], [true, false, false]);
  assert.deepEqual(
    [shared.beginShortage(3900), shared.endShortage(5900), shared.endShortage(6000), shared.endShortage(6000)],
    [false, false, true, false],
  );
  assert.ok(shared.beginShortage(6100));
});

test("the count of a client is never too small, and nearly always exact among a hundred thousand clients", () => {
  const shared = table(2, 1);
  const count = 100_000;
  for (let client = 0; client < count; client++) shared.addConnection(client % 2, 0, `2001:db8:${client.toString(16)}::/64`, 1);
  let above = 0;
  for (let client = 0; client < count; client++) {
    const found = shared.connectionsOf(0, `2001:db8:${client.toString(16)}::/64`);
    assert.ok(found >= 1);
    if (found > 30) above++;
  }
  // Six other clients share a cell on average, which is far from the thousands that a limit is about.
  assert.equal(above, 0);
  assert.equal(shared.connections(0), count);
});

test("a client with thousands of connections does not raise the counts of others", () => {
  const shared = table(2, 1);
  const name = (client: number): string => `2001:db8:${client.toString(16)}::/64`;
  for (let count = 0; count < 5000; count++) shared.addConnection(count % 2, 0, "192.0.2.1", 1);
  for (let client = 0; client < 100_000; client++) shared.addConnection(client % 2, 0, name(client), 1);
  let mistaken = 0;
  for (let client = 0; client < 100_000; client++) if (shared.connectionsOf(0, name(client)) > 4096) mistaken++;
  assert.equal(mistaken, 0);
  assert.ok(shared.connectionsOf(0, "192.0.2.1") >= 5000);
});

test("all counts are zero again when every connection that was counted has ended", () => {
  const step = fc.tuple(fc.nat(2), fc.nat(1), fc.constantFrom("a", "b", "192.0.2.7", "2001:db8::/64"));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const shared = table();
      for (const [worker, listener, client] of steps) shared.addConnection(worker, listener, client, 1);
      for (const [worker, listener, client] of steps) {
        assert.ok(shared.connectionsOf(listener, client) >= 1);
        shared.addConnection(worker, listener, client, -1);
      }
      for (const [, listener, client] of steps)
        assert.deepEqual([shared.connections(listener), shared.connectionsOf(listener, client)], [0, 0]);
    }),
  );
});

test("a buffer of another kind, an unknown worker and an unknown listener are refused", () => {
  assert.throws(() => new WorkerTable(new SharedArrayBuffer(1024)), RangeError);
  assert.throws(() => table().beat(3), RangeError);
  assert.throws(() => table().connections(2), RangeError);
});
