import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { Outlet } from "./outlet.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { Sink, outletTo } from "./sink.fixture.ts";
import { WriteBatch } from "./write-batch.ts";

test("text goes before a large slice in the slice's own buffer, where a head was read from it", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const bytes = Buffer.from("the head as it came, " + "b".repeat(5000));
  outlet.append("the new head, ");
  outlet.slice(bytes, 21, bytes.length);
  assert.equal(outlet.flush(), true);
  assert.deepEqual(sink.written, [["the new head, " + "b".repeat(5000)]]);
  assert.equal(outlet.bytesWritten, 5014);
});

test("text longer than what was read before the slice is a piece of its own", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const bytes = Buffer.from("head" + "b".repeat(5000));
  outlet.append("longer");
  outlet.slice(bytes, 4, bytes.length);
  outlet.append("\r\n");
  outlet.slice(bytes, 4, bytes.length);
  outlet.flush();
  assert.deepEqual(sink.written, [["longer", "b".repeat(5000), "\r\n", "b".repeat(5000)]]);
  assert.equal(bytes.toString("latin1", 0, 4), "head", "nothing is written over");
});

test("a buffer that an unfinished write may still refer to is not written over", () => {
  const sink = new Sink();
  sink.takesAtOnce = false;
  const outlet = outletTo(sink);
  const bytes = Buffer.from("a".repeat(5000) + "b".repeat(5000));
  outlet.slice(bytes, 0, 5000);
  assert.equal(outlet.flush(), false);
  outlet.append("text");
  outlet.slice(bytes, 5000, 10_000);
  outlet.flush();
  assert.deepEqual(sink.written, [["a".repeat(5000)], ["text", "b".repeat(5000)]]);
});

test("what lies in the shared buffer, and small slices of others, are copied", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  sharedBuffer.fill("s", 0, 8000);
  outlet.append("head ");
  outlet.slice(sharedBuffer, 100, 8000);
  outlet.slice(Buffer.from("small"), 0, 5);
  outlet.flush();
  assert.deepEqual(sink.written, [["head " + "s".repeat(7900) + "small"]]);
});

test("text that waits is counted at once and leaves with what comes after it, in one piece", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const batch = new WriteBatch(setImmediate);
  outlet.append("one ");
  assert.equal(outlet.flushLater(batch, false), true);
  outlet.append("two");
  assert.equal(outlet.flushLater(batch, false), true);
  assert.deepEqual([outlet.bytesWritten, outlet.bytesSent, outlet.taken], [7, 0, 0]);
  assert.deepEqual(sink.written, []);
  batch.flush();
  assert.deepEqual(sink.written, [["one two"]]);
  assert.deepEqual([outlet.bytesWritten, outlet.bytesSent, outlet.waits], [7, 7, false]);
});

test("a write that cannot wait takes waiting text along, which is not written again", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const batch = new WriteBatch(setImmediate);
  outlet.append("kept, ");
  outlet.flushLater(batch, false);
  outlet.append("urgent");
  outlet.flush();
  assert.deepEqual(sink.written, [["kept, urgent"]]);
  outlet.append("unfinished");
  batch.flush();
  assert.equal(sink.written.length, 1);
});

test("large text, large slices and what follows an unfinished write do not wait", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const batch = new WriteBatch(setImmediate);
  outlet.append("t".repeat(8193));
  assert.equal(outlet.flushLater(batch, false), true);
  assert.equal(sink.written.length, 1);
  outlet.append("kept");
  outlet.flushLater(batch, false);
  outlet.slice(Buffer.alloc(5000, "b"), 0, 5000);
  sink.takesAtOnce = false;
  assert.equal(outlet.flushLater(batch, false), false);
  assert.deepEqual(sink.written[1], ["kept", "b".repeat(5000)]);
  outlet.append("more");
  assert.equal(outlet.flushLater(batch, false), false);
  assert.deepEqual(sink.written[2], ["more"]);
});

test("a write that waited and could not all leave blocks, and its owner is told", () => {
  const sink = new Sink();
  let told = 0;
  const outlet = outletTo(sink, () => void told++);
  const batch = new WriteBatch(setImmediate);
  outlet.append("text");
  assert.equal(outlet.flushLater(batch, true), true);
  sink.takesAtOnce = false;
  batch.flush();
  assert.deepEqual([outlet.blocked, told], [true, 1]);
  outlet.onWritten();
  assert.equal(outlet.blocked, false);
});

test("the owner is not told of waiting text that was flushed before the turn ended", () => {
  const sink = new Sink();
  let told = 0;
  const outlet = outletTo(sink, () => void told++);
  const batch = new WriteBatch(setImmediate);
  outlet.append("text");
  outlet.flushLater(batch, true);
  sink.takesAtOnce = false;
  assert.equal(outlet.flush(), false);
  batch.flush();
  assert.equal(told, 0);
});

test("text goes before bytes of the shared buffer, however long it is and wherever they lie", () => {
  const [first, second] = ["first ".repeat(12), "second ".repeat(12)];
  for (const [length, start] of [
    [1, 0],
    [300, 0],
    [300, 300],
    [1024, 5],
    [1025, 0],
    [5000, 6000],
  ] as const) {
    const sink = new Sink();
    const outlet = outletTo(sink);
    const middle = start + first.length;
    sharedBuffer.fill("x", 0, start);
    sharedBuffer.write(first + second, start);
    outlet.append("t".repeat(length));
    outlet.slice(sharedBuffer, start, middle);
    outlet.append("|");
    outlet.slice(sharedBuffer, middle, middle + 5);
    outlet.append("|");
    outlet.slice(sharedBuffer, middle + 5, middle + second.length);
    outlet.flush();
    const expected = `${"t".repeat(length)}${first}|${second.slice(0, 5)}|${second.slice(5)}`;
    assert.deepEqual(sink.written, [[expected]], `${length} before ${start}`);
  }
});

test("collected text is written when it grows large, before anybody flushes", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const small = Buffer.from("s".repeat(4000));
  for (let count = 0; count < 20; count++) outlet.slice(small, 0, small.length);
  assert.equal(sink.written.length, 1);
  assert.ok(outlet.bytesSent > 64 * 1024);
  outlet.flush();
  assert.equal(outlet.bytesSent, 80_000);
});

test("after a failed write nothing is written, and the owner is told once", () => {
  const sink = new Sink();
  sink.takesAtOnce = false;
  const told: string[] = [];
  const outlet = new Outlet({
    onUnblocked: () => void told.push("unblocked"),
    onBlocked: () => void told.push("blocked"),
    onWriteFailed: () => void told.push("failed"),
  });
  outlet.transport = sink;
  outlet.append("lost");
  assert.equal(outlet.flush(), false);
  outlet.onWriteFailed();
  outlet.onWriteFailed();
  outlet.onWritten();
  outlet.append("more");
  assert.equal(outlet.flush(), true, "nobody need wait for what goes nowhere");
  assert.deepEqual([told, sink.written, outlet.bytesSent], [["failed"], [["lost"]], 4]);
});

for (const [what, give] of [
  ["text", (outlet: Outlet) => outlet.append("text")],
  ["pieces", (outlet: Outlet) => outlet.slice(Buffer.alloc(5000), 0, 5000)],
] as const) {
  test(`a write that fails at once is not counted as sent: ${what}`, async () => {
    const sink = new Sink();
    const outlet = outletTo(sink);
    outlet.append("before");
    outlet.flush();
    sink.write = () => {
      outlet.onWriteFailed();
      return true;
    };
    give(outlet);
    assert.equal(outlet.flush(), true);
    assert.deepEqual([outlet.bytesSent, outlet.failed], [6, true]);
    // Text that comes later does not wait for the end of a turn either.
    outlet.append("later");
    outlet.flushLater(new WriteBatch(setImmediate), false);
    assert.deepEqual([outlet.bytesWritten, outlet.waits], [6, false]);
  });
}
