import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SliceMap } from "./slice-map.ts";

test("finds what a Map finds, asked with a whole text or with a part of one", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "-", "\u00ff", "é", "𝒳"), maxLength: 4 });
  const keys = fc.uniqueArray(word, { maxLength: 60 });
  fc.assert(
    fc.property(keys, fc.array(word, { maxLength: 20 }), word, word, word, word, (cores, others, start, end, before, after) => {
      const expected = new Map(cores.map((core) => [start + core + end, { core }]));
      const map = new SliceMap(expected);
      assert.equal(map.size, cores.length);
      for (const part of [...expected.keys(), ...cores, ...others, ...others.map((other) => start + other + end)]) {
        assert.equal(map.get(part), expected.get(part));
        const text = before + part + after;
        assert.equal(map.get(text, before.length, before.length + part.length), expected.get(part));
      }
    }),
    { numRuns: 500 },
  );
});

test("ten thousand similar keys are found", () => {
  const key = (index: number): string => `host-${index}.example.test`;
  const map = new SliceMap(new Map(Array.from({ length: 10_000 }, (_, index) => [key(index), index])));
  for (let index = 0; index < 10_000; index++) assert.equal(map.get(key(index)), index);
  assert.equal(map.get("host-10000.example.test"), undefined);
  assert.equal(map.get(""), undefined);
});

test("a map without keys, and a map with the empty key", () => {
  assert.equal(new SliceMap(new Map()).get(""), undefined);
  assert.equal(new SliceMap(new Map()).get("a"), undefined);
  const map = new SliceMap(new Map([["", 1]]));
  assert.equal(map.get(""), 1);
  assert.equal(map.get("abc", 2, 2), 1);
  assert.equal(map.get("a"), undefined);
});
