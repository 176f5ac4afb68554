import { test } from "node:test";
import assert from "node:assert/strict";
import { CHUNK_BYTES, createLogMemory, linesOf, LogBatch } from "./log-batch.ts";

interface Sent {
  readonly chunk: number;
  readonly text: string;
  readonly lines: number;
}

function add(batch: LogBatch, text: string): boolean {
  return batch.add(Buffer.from(text, "latin1"), text.length);
}

function collect(): { sent: Sent[]; batch: LogBatch; textOf: (chunk: number, bytes: number) => string } {
  const sent: Sent[] = [];
  const memory = createLogMemory();
  const textOf = (chunk: number, bytes: number): string => Buffer.from(linesOf(memory, chunk, bytes)).toString("latin1");
  const batch = new LogBatch(memory, (chunk, bytes, lines) => void sent.push({ chunk, text: textOf(chunk, bytes), lines }));
  return { sent, batch, textOf };
}

const KILOBYTE = `${"x".repeat(1023)}\n`;
const MEMORY_BYTES = createLogMemory().byteLength;

test("lines wait for the tick and go out as one batch", () => {
  const { sent, batch } = collect();
  add(batch, "a\n");
  add(batch, "bc\n");
  assert.equal(sent.length, 0);
  batch.flush();
  batch.flush();
  assert.deepEqual(
    sent.map(({ text, lines }) => [text, lines]),
    [["a\nbc\n", 2]],
  );
});

test("a full chunk is handed over at once", () => {
  const { sent, batch } = collect();
  for (let i = 0; i < CHUNK_BYTES / 1024; i++) add(batch, KILOBYTE);
  assert.equal(sent.length, 0);
  add(batch, "next\n");
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.text, KILOBYTE.repeat(CHUNK_BYTES / 1024));
  batch.taken(sent[0].chunk);
  batch.flush();
  assert.equal(sent[1]?.text, "next\n");
});

test("while the sink holds a batch, the tick sends none", () => {
  const { sent, batch } = collect();
  add(batch, "a\n");
  batch.flush();
  add(batch, "b\n");
  batch.flush();
  add(batch, "c\n");
  assert.equal(sent.length, 1);
  batch.taken(sent[0]?.chunk ?? -1);
  batch.flush();
  assert.equal(sent[1]?.text, "b\nc\n");
});

test("a chunk that the sink holds is not written to", () => {
  const { sent, batch, textOf } = collect();
  for (let i = 0; i < 3 * (CHUNK_BYTES / 8); i++) add(batch, `${String(i).padStart(7, "0")}\n`);
  batch.hand();
  for (const { chunk, text } of sent) assert.equal(textOf(chunk, text.length), text);
  assert.equal(new Set(sent.map(({ chunk }) => chunk)).size, 3);
  const all = sent.map(({ text }) => text).join("");
  assert.deepEqual(
    all.trimEnd().split("\n").map(Number),
    Array.from({ length: 3 * (CHUNK_BYTES / 8) }, (_, i) => i),
  );
});

test("when the output does not keep up, lines are dropped and memory stays bounded; chunks that it takes are used again", () => {
  const { sent, batch } = collect();
  for (let i = 0; i < 5000; i++) add(batch, KILOBYTE);
  assert.equal(
    sent.reduce((sum, one) => sum + one.text.length, 0),
    MEMORY_BYTES,
  );
  assert.equal(batch.dropped, 5000 - MEMORY_BYTES / 1024);
  batch.taken(sent[3]?.chunk ?? -1);
  for (let i = 0; i < CHUNK_BYTES / 1024; i++) assert.equal(add(batch, KILOBYTE), true);
  assert.equal(add(batch, KILOBYTE), false);
});

test("a line larger than a chunk is dropped, and those around it are not", () => {
  const { sent, batch } = collect();
  add(batch, "before\n");
  assert.equal(add(batch, `${"y".repeat(CHUNK_BYTES)}\n`), false);
  assert.equal(add(batch, "after\n"), true);
  batch.hand();
  assert.equal(sent.map(({ text }) => text).join(""), "before\nafter\n");
  assert.equal(batch.dropped, 1);
});
