import { test } from "node:test";
import assert from "node:assert/strict";
import { EndpointSlots } from "./endpoint-slots.ts";
import type { SlotPlan, SlotSource, SlotsByUpstream } from "./endpoint-slots.ts";

const config = (upstreams: Readonly<Record<string, readonly string[]>>): SlotSource => ({
  upstreams: Object.fromEntries(Object.entries(upstreams).map(([name, urls]) => [name, { endpoints: urls.map((url) => ({ url })) }])),
});

/** Plans a configuration and commits the plan. */
function assign(slots: EndpointSlots, source: SlotSource, generation: number, oldest: number): SlotsByUpstream | null {
  const plan: SlotPlan | null = slots.plan(source, generation, oldest);
  plan?.commit();
  return plan?.slots ?? null;
}

test("an endpoint that stays keeps its slot, whatever its position", () => {
  const slots = new EndpointSlots(10);
  const first = slots.plan(config({ app: ["a", "b"], api: ["a"] }), 1, Infinity);
  assert.deepEqual([first?.slots, first?.fresh], [{ app: [0, 1], api: [2] }, [0, 1, 2]]);
  first?.commit();
  const second = slots.plan(config({ api: ["a"], app: ["c", "b"] }), 2, 1);
  assert.deepEqual([second?.slots, second?.fresh], [{ api: [2], app: [3, 1] }, [3]]);
});

test("a slot is reused only when no exchange of the old configuration is left", () => {
  const slots = new EndpointSlots(10);
  assign(slots, config({ app: ["a", "b"] }), 1, Infinity);
  assert.deepEqual(assign(slots, config({ app: ["b"] }), 2, 1), { app: [1] });
  assert.deepEqual(assign(slots, config({ app: ["b", "c"] }), 3, 1), { app: [1, 2] }, "generation 1 still runs: slot 0 is taken");
  assert.deepEqual(assign(slots, config({ app: ["b", "c", "d"] }), 4, 3), { app: [1, 2, 0] });
});

test("a plan that is not committed has no effect", () => {
  const slots = new EndpointSlots(10);
  assign(slots, config({ app: ["a", "b"] }), 1, Infinity);
  slots.plan(config({ app: ["x", "y", "z"] }), 2, 1);
  assert.deepEqual(assign(slots, config({ app: ["a", "b", "c"] }), 2, 1), { app: [0, 1, 2] });
});

test("one URL listed twice is two endpoints", () => {
  assert.deepEqual(assign(new EndpointSlots(4), config({ app: ["a", "a"] }), 1, Infinity), { app: [0, 1] });
});

test("more endpoints than slots are refused", () => {
  const slots = new EndpointSlots(2);
  assign(slots, config({ app: ["a"] }), 1, Infinity);
  assert.equal(slots.plan(config({ app: ["a", "b", "c"] }), 2, 1), null);
  assert.deepEqual(assign(slots, config({ app: ["b", "a"] }), 2, 1), { app: [1, 0] });
});

test("endless reloads do not use up the slots", () => {
  const slots = new EndpointSlots(8);
  for (let generation = 1; generation < 200; generation++) {
    assert.ok(assign(slots, config({ app: [`a${generation}`, "stays"] }), generation, generation - 1), `generation ${generation}`);
  }
});
