import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SliceMap } from "./slice-map.ts";
import type { Keyed } from "./slice-map.ts";

test("finds what a Map finds, by any part of a text", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "-", "\u00ff", "é", "𝒳"), maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(word, { maxLength: 60 }), fc.array(word, { maxLength: 20 }), word, word, (keys, others, before, after) => {
      const map = new SliceMap<Keyed>();
      const expected = new Map(keys.map((key) => [key, { key }]));
      for (const value of expected.values()) map.add(value);
      assert.equal(map.size, keys.length);
      for (const part of [...keys, ...others]) {
        assert.equal(map.get(part), expected.get(part));
        const text = before + part + after;
        assert.equal(map.get(text, before.length, before.length + part.length), expected.get(part));
      }
    }),
  );
});

test("ten thousand keys that are alike are spread", () => {
  const map = new SliceMap<Keyed>();
  for (let index = 0; index < 10_000; index++) map.add({ key: `host-${index}.example.test` });
  for (let index = 0; index < 10_000; index++) {
    const key = `host-${index}.example.test`;
    assert.equal(map.get(key)?.key, key);
  }
  assert.equal(map.get("host-10000.example.test"), undefined);
  assert.equal(map.get(""), undefined);
});
