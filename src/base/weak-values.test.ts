import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { WeakValues } from "./weak-values.ts";

test("a value is one for its key while somebody holds it, and another one later", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const values = new WeakValues<{ of: number }>();
  let made = 0;
  const get = (key: string): { of: number } => values.get(key, () => ({ of: ++made }));
  const held = get("a");
  assert.equal(get("a"), held);
  assert.notEqual(get("b"), held);
  // A WeakRef keeps its object alive until the end of the turn of the event loop in which it was made or read.
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  assert.equal(get("a"), held);
  assert.equal(get("b").of, 3);
});
