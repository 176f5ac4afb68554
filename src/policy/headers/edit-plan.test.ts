import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planEdits } from "./edit-plan.ts";
import type { EditPlan, LevelEdits } from "./edit-plan.ts";

const NOTHING: LevelEdits = { remove: [], rename: {}, set: {}, add: {} };
const level = (edits: Partial<LevelEdits>): LevelEdits => ({ ...NOTHING, ...edits });

type Lines = readonly (readonly [name: string, value: string])[];

/** What a plan makes of received lines, with the names in lower case. */
function planned({ removed, lines }: EditPlan, received: Lines): string[] {
  const kept = received.filter(([name]) => !removed.includes(name));
  const added = lines.flatMap((line) =>
    "value" in line
      ? [[line.name, line.value] as const]
      : received.filter(([name]) => name === line.from).map(([, value]) => [line.name, value] as const),
  );
  return [...kept, ...added].map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}

/** The same level by level, as the page for users describes it. */
function stepped(levels: readonly LevelEdits[], received: Lines): string[] {
  let lines = received.map(([name, value]) => [name.toLowerCase(), value] as const);
  for (const { remove, rename, set, add } of levels) {
    const gone = remove.map((name) => name.toLowerCase());
    lines = lines.filter(([name]) => !gone.includes(name));
    const names = new Map(Object.entries(rename).map(([from, to]) => [from.toLowerCase(), to.toLowerCase()]));
    lines = lines.map(([name, value]) => [names.get(name) ?? name, value] as const);
    for (const [name, value] of Object.entries(set))
      lines = [...lines.filter(([each]) => each !== name.toLowerCase()), [name.toLowerCase(), value]];
    for (const [name, values] of Object.entries(add)) lines = [...lines, ...values.map((value) => [name.toLowerCase(), value] as const)];
  }
  return lines.map(([name, value]) => `${name}: ${value}`);
}

test("a level removes, renames, sets and adds, in this order", () => {
  const plan = planEdits([level({ remove: ["B"], rename: { A: "B" }, set: { C: "1" }, add: { B: ["2", "3"] } })]);
  assert.deepEqual(plan, {
    removed: ["b", "a", "c"],
    replaced: ["b", "c"],
    lines: [
      { name: "B", from: "a" },
      { name: "B", value: "2" },
      { name: "B", value: "3" },
      { name: "C", value: "1" },
    ],
  });
});

test("a later level acts on what an earlier one has left", () => {
  const first = level({ set: { "X-A": "1", "X-B": "1" }, add: { "X-C": ["1"] } });
  assert.deepEqual(planEdits([first, level({ remove: ["x-a"], set: { "x-b": "2" }, rename: { "X-C": "X-D" } })]).lines, [
    { name: "x-b", value: "2" },
    { name: "X-D", from: "x-c" },
    { name: "X-D", value: "1" },
  ]);
});

test("two fields can change their names with each other, and a name that comes back leaves the lines where they are", () => {
  const swap = planEdits([level({ rename: { A: "B", B: "A" } })]);
  assert.deepEqual(
    planned(swap, [
      ["a", "1"],
      ["b", "2"],
    ]).toSorted(),
    ["a: 2", "b: 1"],
  );
  assert.deepEqual(planEdits([level({ rename: { A: "B" } }), level({ rename: { B: "A" } })]).removed, ["b"]);
});

test("for each name a plan leaves what its levels leave one after the other", () => {
  const name = fc.constantFrom("a", "A", "b", "B", "c", "d");
  const value = fc.constantFrom("1", "2", "3");
  const edits = fc.record({
    remove: fc.array(name, { maxLength: 2 }),
    // Names that differ in case only stand twice, which the schema refuses.
    rename: fc.dictionary(fc.constantFrom("a", "b", "c"), name, { maxKeys: 3 }),
    set: fc.dictionary(fc.constantFrom("a", "b", "C"), value, { maxKeys: 2 }),
    add: fc.dictionary(fc.constantFrom("a", "B", "d"), fc.array(value, { minLength: 1, maxLength: 2 }), { maxKeys: 2 }),
  });
  const received = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "e"), value), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(edits, { maxLength: 3 }), received, (levels, lines) => {
      assert.deepEqual(planned(planEdits(levels), lines).toSorted(), stepped(levels, lines).toSorted());
    }),
  );
});
