import assert from "node:assert/strict";
import { test } from "node:test";
import { stuckWorker } from "./stuck-worker.ts";

const handle = { middlewareNamed: (id: number): string | null => ["", "stamp", "gate"][id] || null };

test("the middleware that the worker is running is named", () => {
  assert.deepEqual(stuckWorker(1, handle, { running: 2, last: 2 }, 10_000), [
    "worker_stuck",
    "worker 1 has stood still for 10 s, in the middleware gate, and is ended",
    { worker: 1, middleware: "gate" },
  ]);
});

test("otherwise the one that ran last is: a promise or a timer of it may be running", () => {
  assert.deepEqual(stuckWorker(0, handle, { running: 0, last: 1 }, 10_000), [
    "worker_stuck",
    "worker 0 has stood still for 10 s (the last middleware that ran in it was stamp) and is ended",
    { worker: 0 },
  ]);
});

test("without middleware, and without a thread, nothing is named", () => {
  const plain = ["worker_stuck", "worker 0 has stood still for 10 s and is ended", { worker: 0 }];
  assert.deepEqual(stuckWorker(0, handle, { running: 0, last: 0 }, 10_000), plain);
  assert.deepEqual(stuckWorker(0, null, { running: 1, last: 1 }, 10_000), plain);
});
