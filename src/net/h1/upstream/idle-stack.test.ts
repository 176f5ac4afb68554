import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IdleStack } from "./idle-stack.ts";

class Item {
  above: Item | null = null;
  below: Item | null = null;
}

test("last in, first out", () => {
  const stack = new IdleStack<Item>();
  const [first, second] = [new Item(), new Item()];
  stack.push(first);
  stack.push(second);
  assert.equal(stack.pop(), second);
  assert.equal(stack.pop(), first);
  assert.equal(stack.pop(), null);
});

test("after any pushes, pops and removals the stack holds what a plain list would", () => {
  const step = fc.oneof(fc.constant("push" as const), fc.constant("pop" as const), fc.nat(7));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stack = new IdleStack<Item>();
      const all: Item[] = [];
      const list: Item[] = [];
      for (const next of steps) {
        if (next === "push") {
          const item = new Item();
          stack.push(item);
          all.push(item);
          list.push(item);
        } else if (next === "pop") {
          assert.equal(stack.pop(), list.pop() ?? null);
        } else {
          // Remove one of the last, which may be gone already.
          const item = all.at(-1 - next);
          if (item === undefined) continue;
          stack.remove(item);
          if (list.includes(item)) list.splice(list.indexOf(item), 1);
        }
        assert.equal(stack.size, list.length);
      }
      while (list.length > 0) assert.equal(stack.pop(), list.pop());
      assert.equal(stack.pop(), null);
      assert.ok(all.every(({ above, below }) => above === null && below === null));
    }),
  );
});
