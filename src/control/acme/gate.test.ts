import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "./gate.ts";

const never = new AbortController().signal;

test("lets so many run at once, in the order in which they came", async () => {
  const gate = new Gate();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const runs = [0, 1, 2, 3].map((each) =>
    gate.within(never, () => {
      begun.push(each);
      return new Promise<void>((end) => ends.push(end));
    }),
  );
  assert.deepEqual(begun, [], "it is not open yet");
  gate.open(2);
  await new Promise(setImmediate);
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.();
  await runs[1];
  await new Promise(setImmediate);
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await Promise.all([runs[0], runs[2]]);
  await new Promise(setImmediate);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  ends[3]?.();
  await runs[3];
});

test("lets those go that have given up, whether it is open or not", async () => {
  const gate = new Gate();
  const abort = new AbortController();
  const waits = gate.within(abort.signal, () => assert.fail());
  abort.abort();
  await waits;
  await gate.within(abort.signal, () => assert.fail());
  gate.open(1);
  await gate.within(abort.signal, () => assert.fail());
  let ran = false;
  await gate.within(never, async () => {
    ran = true;
  });
  assert.ok(ran);
});
