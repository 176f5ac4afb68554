import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { RecordBatch } from "./record-batch.ts";
import type { RecordOwner } from "./record-batch.ts";

class Owner implements RecordOwner {
  readonly taken: string[] = [];

  takeRecords(buffer: Buffer, count: number): void {
    this.taken.push(buffer.toString("latin1", 0, count));
  }
}

function batch(): { readonly records: RecordBatch; endTurn(): void } {
  let due: (() => void)[] = [];
  return {
    records: new RecordBatch((then) => due.push(then)),
    endTurn: () => {
      const now = due;
      due = [];
      for (const then of now) then();
    },
  };
}

test("records of one connection are handed over as one piece at the end of the turn", () => {
  const { records, endTurn } = batch();
  const owner = new Owner();
  records.add(owner, Buffer.from("ab.."), 2);
  records.add(owner, Buffer.from("c"), 1);
  assert.deepEqual([owner.taken, records.has(owner)], [[], true]);
  endTurn();
  assert.deepEqual([owner.taken, records.has(owner)], [["abc"], false]);
  endTurn();
  records.add(owner, Buffer.from("d"), 1);
  endTurn();
  assert.deepEqual(owner.taken, ["abc", "d"]);
});

test("another connection's record comes after what lies there was handed over", () => {
  const { records, endTurn } = batch();
  const [first, second] = [new Owner(), new Owner()];
  records.add(first, Buffer.from("1"), 1);
  records.add(second, Buffer.from("2"), 1);
  assert.deepEqual([first.taken, second.taken], [["1"], []]);
  endTurn();
  assert.deepEqual([first.taken, second.taken], [["1"], ["2"]]);
});

test("a full buffer is handed over at once, before a record would not fit", () => {
  const { records, endTurn } = batch();
  const owner = new Owner();
  const record = Buffer.alloc(16 * 1024, "r");
  for (let count = 0; count < 40; count++) records.add(owner, record, record.length);
  endTurn();
  assert.equal(owner.taken.join("").length, 40 * record.length);
  assert.ok(owner.taken.length >= 2 && owner.taken.length <= 4, String(owner.taken.length));
});

test("what a destroyed connection had is forgotten", () => {
  const { records, endTurn } = batch();
  const [gone, other] = [new Owner(), new Owner()];
  records.add(gone, Buffer.from("x"), 1);
  records.forget(other);
  records.forget(gone);
  records.add(other, Buffer.from("y"), 1);
  endTurn();
  assert.deepEqual([gone.taken, other.taken], [[], ["y"]]);
});
