import assert from "node:assert/strict";
import { test } from "node:test";
import { redisStore } from "../../config/schema/stores-schema.ts";
import { StoreStates } from "./store-states.ts";

const SHARED = redisStore({ url: "redis://a" });

interface Stage {
  readonly states: StoreStates;
  readonly logged: string[];
  reading(): readonly unknown[];
}

function stage(): Stage {
  const logged: string[] = [];
  const states = new StoreStates({
    log: { info: (event) => logged.push(event), warn: (event, message) => logged.push(`${event}: ${message}`) },
    now: () => 1000,
  });
  states.keep({ shared: SHARED });
  return { states, logged, reading: () => states.readings().map(({ name, up, problem }) => [name, up, problem]) };
}

test("one line when the first thread fails, one when all are back", () => {
  const { states, logged, reading } = stage();
  assert.deepEqual(reading(), [["shared", false, null]]);
  for (const worker of [0, 1, 2]) states.take(worker, { name: "shared", state: "up" });
  assert.deepEqual([logged, reading()], [[], [["shared", true, null]]]);
  states.take(1, { name: "shared", state: "down", why: "it is full" });
  states.take(2, { name: "shared", state: "down", why: "it is slow" });
  states.take(1, { name: "shared", state: "up" });
  assert.deepEqual(reading(), [["shared", false, "it is slow"]]);
  states.take(2, { name: "shared", state: "up" });
  assert.deepEqual(logged, ["store_down: the store shared cannot be used: it is full", "store_up"]);
});

test("a thread that ends takes its trouble along", () => {
  const { states, logged, reading } = stage();
  states.take(0, { name: "shared", state: "up" });
  states.take(1, { name: "shared", state: "down", why: "it is full" });
  states.workerEnded(1);
  assert.deepEqual([reading(), logged.at(-1)], [[["shared", true, null]], "store_up"]);
});

test("a store that never was there is said to be down", () => {
  const { states, logged, reading } = stage();
  states.take(0, { name: "shared", state: "down", why: "it cannot be reached" });
  assert.deepEqual([reading(), logged.length], [[["shared", false, "it cannot be reached"]], 1]);
});

test("counts add up over threads, and those of a store that went are forgotten", () => {
  const { states } = stage();
  for (const worker of [0, 1])
    states.take(worker, { name: "shared", state: "counted", counts: { answered: 2, answerMs: 3, late: 4, failed: 5, spared: 6 } });
  assert.deepEqual(states.readings()[0]?.counts, { answered: 4, answerMs: 6, late: 8, failed: 10, spared: 12 });
  states.keep({});
  states.take(0, { name: "shared", state: "up" });
  assert.deepEqual(states.readings(), []);
  states.keep({ shared: SHARED });
  assert.equal(states.readings()[0]?.counts.answered, 0);
});
