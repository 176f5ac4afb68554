import { test } from "node:test";
import assert from "node:assert/strict";
import { BATCH_BYTES, LogBatch, UNTAKEN_BYTES_MAX } from "./log-batch.ts";

interface Sent {
  readonly text: string;
  readonly lines: number;
  readonly bytes: number;
}

function collect(): { sent: Sent[]; batch: LogBatch } {
  const sent: Sent[] = [];
  return { sent, batch: new LogBatch((data, lines) => void sent.push({ text: Buffer.from(data).toString(), lines, bytes: data.length })) };
}

test("lines wait for the tick and go out as one batch", () => {
  const { sent, batch } = collect();
  batch.add("a\n");
  batch.add("bc\n");
  assert.equal(sent.length, 0);
  batch.flush();
  batch.flush();
  assert.deepEqual(sent, [{ text: "a\nbc\n", lines: 2, bytes: 5 }]);
});

test("a full batch does not wait", () => {
  const { sent, batch } = collect();
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < BATCH_BYTES / 1024; i++) batch.add(line);
  assert.equal(sent.length, 0);
  batch.add(line);
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.bytes, BATCH_BYTES);
});

test("an output that does not keep up costs lines, not memory; what it takes makes room again", () => {
  const { sent, batch } = collect();
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < 5000; i++) batch.add(line);
  batch.flush();
  const bytes = sent.reduce((sum, one) => sum + one.bytes, 0);
  assert.equal(bytes, UNTAKEN_BYTES_MAX);
  assert.equal(batch.dropped, 5000 - UNTAKEN_BYTES_MAX / 1024);
  assert.equal(batch.add(line), false);
  batch.taken(1024);
  assert.equal(batch.add(line), true);
  assert.equal(batch.add(line), false);
});

test("a line larger than a batch goes out alone, in its place", () => {
  const { sent, batch } = collect();
  const long = `${"y".repeat(BATCH_BYTES)}\n`;
  batch.add("before\n");
  batch.add(long);
  batch.add("after\n");
  batch.flush();
  assert.deepEqual(
    sent.map(({ text }) => text),
    ["before\n", long, "after\n"],
  );
});
