import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyHash } from "./key-hash.ts";

/** HalfSipHash-c-d with 64 bits of output over bytes, written as the paper has it. */
function reference(c: number, d: number, k0: number, k1: number, bytes: Uint8Array): [low: number, high: number] {
  const v = new Uint32Array([k0, k1 ^ 0xee, 0x6c796765 ^ k0, 0x74656462 ^ k1]);
  const get = (index: number): number => v[index] ?? 0;
  const rotate = (index: number, by: number): number => (get(index) << by) | (get(index) >>> (32 - by));
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v[0] = get(0) + get(1);
      v[1] = rotate(1, 5) ^ get(0);
      v[0] = rotate(0, 16);
      v[2] = get(2) + get(3);
      v[3] = rotate(3, 8) ^ get(2);
      v[0] = get(0) + get(3);
      v[3] = rotate(3, 7) ^ get(0);
      v[2] = get(2) + get(1);
      v[1] = rotate(1, 13) ^ get(2);
      v[2] = rotate(2, 16);
    }
  };
  const padded = new Uint8Array(Math.floor(bytes.length / 4) * 4 + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 4) {
    const word = words.getUint32(at, true);
    v[3] = get(3) ^ word;
    rounds(c);
    v[0] = get(0) ^ word;
  }
  v[2] = get(2) ^ 0xee;
  rounds(d);
  const low = (get(1) ^ get(3)) >>> 0;
  v[1] = get(1) ^ 0xdd;
  rounds(d);
  return [low, (get(1) ^ get(3)) >>> 0];
}

test("the reference is right: the paper's vector of HalfSipHash-2-4 for no bytes", () => {
  const [low, high] = reference(2, 4, 0x03020100, 0x07060504, new Uint8Array(0));
  assert.deepEqual([low, high], [0x591f8d21, 0xc83cb8b9]);
});

test("is HalfSipHash-1-3 of the UTF-16 bytes", () => {
  const text = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units));
  const word32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word32, word32, text, (k0, k1, key) => {
      const hash = new KeyHash(k0, k1);
      hash.update(key);
      assert.deepEqual([hash.low, hash.high], reference(1, 3, k0, k1, Buffer.from(key, "utf16le")));
    }),
  );
});

test("neighbouring addresses spread evenly over the sets", () => {
  const hash = new KeyHash(1, 2);
  const sets = new Uint32Array(1024);
  for (let index = 0; index < 65_536; index++) {
    hash.update(`limit\n10.0.${index >>> 8}.${index & 255}`);
    sets[hash.low & 1023] = (sets[hash.low & 1023] ?? 0) + 1;
  }
  // 64 expected in each; six standard deviations.
  assert.ok(sets.every((count) => count > 16 && count < 112));
});
