import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordWatch } from "./record-watch.ts";
import type { WatchedConnection } from "./record-watch.ts";

class Connection implements WatchedConnection {
  encryptedBytes: number = 3000;
  decryptedBytes: number = 0;
  encryptedBefore: number = 0;
  decryptedBefore: number = 0;
  isEnded: boolean = false;
  private readonly watch: RecordWatch;

  constructor(watch: RecordWatch) {
    this.watch = watch;
    watch.add(this);
  }

  /** Records that have `added` bytes beside their data. */
  receive(data: number, added: number): void {
    this.encryptedBytes += data + added;
    this.decryptedBytes += data;
  }

  onUselessRecords(): void {
    this.isEnded = true;
    this.watch.delete(this);
  }
}

/** A watch whose time the test makes. */
class Time {
  ticks: number = 0;
  private look: (() => void) | null = null;
  readonly watch: RecordWatch = new RecordWatch((_, look) => {
    this.look = look;
    return () => (this.look = null);
  });

  get isRunning(): boolean {
    return this.look !== null;
  }

  pass(): void {
    this.look?.();
  }
}

test("a connection ends when more than 32 KiB have come without data, at once or little by little", () => {
  const time = new Time();
  const [idle, sudden, slow] = [new Connection(time.watch), new Connection(time.watch), new Connection(time.watch)];
  sudden.receive(0, 33_000);
  slow.receive(0, 20_000);
  time.pass();
  assert.deepEqual([idle.isEnded, sudden.isEnded, slow.isEnded], [false, true, false]);
  slow.receive(0, 12_000);
  time.pass();
  assert.equal(slow.isEnded, false);
  slow.receive(0, 1000);
  time.pass();
  assert.deepEqual([idle.isEnded, slow.isEnded], [false, true]);
});

test("records of one byte are data, and what came before data does not count any more", () => {
  const time = new Time();
  const connection = new Connection(time.watch);
  for (let count = 0; count < 20; count++) {
    connection.receive(5000, 5000 * 69);
    connection.receive(0, 20_000);
    time.pass();
  }
  assert.equal(connection.isEnded, false);
  connection.receive(1, 40_000);
  time.pass();
  assert.equal(connection.isEnded, true);
});

test("among many connections each is looked at, and nothing runs when the last one has gone", () => {
  const time = new Time();
  const connections = Array.from({ length: 2500 }, () => new Connection(time.watch));
  for (const connection of connections) connection.receive(0, 40_000);
  time.pass();
  assert.equal(connections.filter(({ isEnded }) => isEnded).length, 1000);
  // One that comes and goes in the middle of a round changes nothing.
  const passing = new Connection(time.watch);
  time.pass();
  time.watch.delete(passing);
  time.pass();
  time.pass();
  assert.ok(connections.every(({ isEnded }) => isEnded));
  assert.equal(time.isRunning, false);
  const next = new Connection(time.watch);
  assert.equal(time.isRunning, true);
  next.receive(0, 40_000);
  time.pass();
  assert.equal(next.isEnded, true);
});
