import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnEnd } from "node:timers/promises";
import { WriteBatch } from "./write-batch.ts";
import type { Waiting } from "./write-batch.ts";

/** Outlets that note the order in which they are written. */
function outlets(order: string[]): (name: string) => Waiting {
  return (name) => ({ endWait: () => void order.push(name) });
}

test("at the end of the turn requests are written before responses, each kind in its order", async () => {
  const order: string[] = [];
  const outlet = outlets(order);
  const batch = new WriteBatch(setImmediate);
  for (const name of ["a", "b"]) {
    assert.equal(batch.keep(outlet(`response ${name}`), false), true);
    assert.equal(batch.keep(outlet(`request ${name}`), true), true);
  }
  assert.deepEqual(order, []);
  await turnEnd();
  assert.deepEqual(order, ["request a", "request b", "response a", "response b"]);
  await turnEnd();
  assert.equal(order.length, 4, "once");
});

test("after a turn with few writes the next ones do not wait, until the batch tries again", async () => {
  const batch = new WriteBatch(setImmediate);
  const outlet = outlets([])("");
  batch.keep(outlet, true);
  await turnEnd();
  const kept: boolean[] = [];
  for (let count = 0; count < 18; count++) kept.push(batch.keep(outlet, true));
  assert.deepEqual(kept, [...Array.from({ length: 16 }, () => false), true, true]);
});

test("after a turn with many writes they wait again", async () => {
  const batch = new WriteBatch(setImmediate);
  const outlet = outlets([])("");
  for (let turn = 0; turn < 3; turn++) {
    for (let count = 0; count < 4; count++) assert.equal(batch.keep(outlet, count % 2 === 0), true, `turn ${turn}`);
    await turnEnd();
  }
});

test("a full batch is written before the turn ends, and the writes after it count for the same turn", async () => {
  const order: string[] = [];
  const outlet = outlets(order);
  const batch = new WriteBatch(setImmediate);
  for (let count = 0; count < 128; count++) {
    assert.equal(batch.isFull, false);
    batch.keep(outlet("early"), count % 2 === 0);
  }
  assert.equal(batch.isFull, true);
  batch.flush();
  assert.equal(order.length, 128);
  assert.equal(batch.isFull, false);
  batch.keep(outlet("late"), true);
  await turnEnd();
  assert.deepEqual(order.slice(128), ["late"]);
  assert.equal(batch.keep(outlet("next turn"), true), true, "the turn was not a small one");
});

test("a write made while a batch is written does not wait for the next one", async () => {
  const batch = new WriteBatch(setImmediate);
  const kept: boolean[] = [];
  const other: Waiting = { endWait: () => {} };
  batch.keep({ endWait: () => void kept.push(batch.keep(other, true)) }, true);
  await turnEnd();
  assert.deepEqual(kept, [false]);
});
