import assert from "node:assert/strict";
import { test } from "node:test";
import { keySlot } from "./key-slot.ts";

// The value for 123456789 is that of the cluster's specification, the others are what CLUSTER KEYSLOT of Redis 7.0 answers.
test("slots are those of Redis", () => {
  for (const [key, slot] of [
    ["123456789", 12_739],
    ["foo", 12_182],
    ["{user1000}.following", 3443],
    ["user1000", 3443],
    ["foo{}{bar}", 8363],
    ["foo{{bar}}zap", 4015],
    ["", 0],
  ] as const)
    assert.equal(keySlot(key), slot, key);
});
