import assert from "node:assert/strict";
import { test } from "node:test";
import { BulkBuffer } from "./bulk-buffer.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { ReadTarget } from "./read-target.ts";
import type { Reading } from "./read-target.ts";
import { Sink } from "./sink.fixture.ts";

const KIB = 1024;

/** A connection with its ReadTarget. */
class Connection implements Reading {
  readBuffer: Buffer = sharedBuffer;
  readonly transport: Sink;
  readonly target: ReadTarget;

  constructor(bulk: BulkBuffer, { source = new Sink(), mayKeepLoan = false } = {}) {
    this.transport = source;
    this.target = new ReadTarget(this, bulk, mayKeepLoan);
  }
}

/** Reads a message of that many bytes, each read as large as the buffer allows. */
function bring(connection: Connection, bytes: number): number[] {
  const reads: number[] = [];
  for (let rest = bytes; rest > 0;) {
    const count = Math.min(rest, connection.readBuffer.length);
    rest -= count;
    reads.push(count / KIB);
    connection.target.after(count, rest > 0, true);
  }
  return reads;
}

/** A connection that has just read a large message. */
function large(bulk: BulkBuffer, options?: ConstructorParameters<typeof Connection>[1]): Connection {
  const connection = new Connection(bulk, options);
  bring(connection, 100 * KIB);
  return connection;
}

test("a large message is read in growing pieces, the next ones in large pieces", () => {
  const connection = new Connection(new BulkBuffer());
  assert.deepEqual(bring(connection, 1024 * KIB), [16, 64, 264, 264, 264, 152]);
  assert.deepEqual(bring(connection, 1025 * KIB), [264, 264, 264, 233]);
  assert.deepEqual(bring(connection, 529 * KIB), [264, 264, 1], "however little was left for the last read");
  assert.deepEqual(bring(connection, 20 * KIB), [20]);
});

test("after a small message, or a slow one, the next is read into the shared buffer again", () => {
  for (const small of [0.1, 16]) {
    const connection = large(new BulkBuffer());
    assert.deepEqual(bring(connection, small * KIB), [small]);
    assert.equal(connection.readBuffer, sharedBuffer);
  }
  const connection = large(new BulkBuffer());
  connection.target.after(1000, true, true);
  assert.equal(connection.readBuffer, sharedBuffer);
  connection.target.after(1000, false, true);
  assert.equal(connection.readBuffer, sharedBuffer);
});

test("while an unfinished write refers to a buffer, no other connection reads into it or gets it", () => {
  const bulk = new BulkBuffer();
  const [one, other] = [large(bulk), large(bulk)];
  const buffer = one.readBuffer;
  assert.equal(other.readBuffer, buffer);
  one.target.after(200 * KIB, true, false);
  assert.equal(one.readBuffer, buffer, "its own: nothing more is read before the write has ended");
  assert.notEqual(other.readBuffer, buffer);
  assert.deepEqual(other.transport.targets, [other.readBuffer]);
  one.target.after(10 * KIB, false, true);
  assert.equal(one.readBuffer, other.readBuffer);
  assert.notEqual(large(new BulkBuffer()).readBuffer, other.readBuffer);
});

test("after a message that is still being written the buffer is left to the write, and the idle connection holds none", () => {
  for (const first of [16, 600]) {
    const bulk = new BulkBuffer();
    const connection = new Connection(bulk);
    bring(connection, first * KIB);
    const before = new Set<Buffer>();
    for (let rest = 600 * KIB; rest > 0;) {
      before.add(connection.readBuffer);
      const count = Math.min(rest, connection.readBuffer.length);
      rest -= count;
      connection.target.after(count, rest > 0, rest > 0);
    }
    assert.equal(before.has(connection.readBuffer), false);
    connection.target.rest();
    assert.equal(connection.readBuffer, sharedBuffer);
    assert.deepEqual(connection.transport.targets, [sharedBuffer], "told between two reads");
    assert.equal(before.has(large(bulk).readBuffer), false);
  }
});

test("a connection that rests or has ended is not moved with the others", () => {
  const bulk = new BulkBuffer();
  const [one, two, three] = [large(bulk), large(bulk), large(bulk)];
  one.target.rest();
  two.target.end(true);
  three.target.after(200 * KIB, true, false);
  assert.deepEqual([one.transport.targets, two.transport.targets], [[sharedBuffer], []]);
  assert.deepEqual([one.readBuffer, two.readBuffer], [sharedBuffer, sharedBuffer]);
  one.target.rest();
  assert.equal(one.transport.targets.length, 1);
});

test("a connection that is moved again and again uses loans of its own, and keeps one for the next message if it may", () => {
  for (const mayKeepLoan of [false, true]) {
    const bulk = new BulkBuffer();
    const connection = large(bulk, { mayKeepLoan });
    for (let round = 0; round < 20; round++) {
      bring(connection, 100 * KIB);
      large(bulk).target.after(200 * KIB, true, false);
    }
    assert.equal(connection.transport.targets.length, 8);
    assert.deepEqual(bring(connection, 1024 * KIB).slice(0, 3), mayKeepLoan ? [264, 264, 264] : [16, 64, 264]);
    assert.equal(connection.readBuffer === sharedBuffer, !mayKeepLoan);
    connection.target.end(true);
    assert.equal(connection.readBuffer, sharedBuffer);
  }
});

test("a connection whose own writes stay unfinished uses loans of its own as well", () => {
  const connection = large(new BulkBuffer());
  for (let message = 0; message < 8; message++) {
    assert.equal(connection.readBuffer.length, 264 * KIB);
    connection.target.after(100 * KIB, false, false);
  }
  assert.equal(connection.readBuffer, sharedBuffer);
});

test("a transport that does not read on demand reads into the shared buffer only", () => {
  const connection = new Connection(new BulkBuffer(), { source: new Sink(false) });
  assert.deepEqual(bring(connection, 64 * KIB), [16, 16, 16, 16]);
  assert.equal(connection.readBuffer, sharedBuffer);
});

test("after its last message a connection reads into the shared buffer", () => {
  const connection = large(new BulkBuffer());
  connection.transport.readable = false;
  bring(connection, 100 * KIB);
  assert.equal(connection.readBuffer, sharedBuffer);
});
