import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatSize, parseSize } from "./size.ts";

test("reads bytes and units", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["4096", 4096],
    ["12B", 12],
    ["64KiB", 65_536],
    ["10kB", 10_000],
    ["10KB", 10_000],
    ["10MiB", 10_485_760],
    ["10MB", 10_000_000],
    ["10 MB", 10_000_000],
    ["1GiB", 1_073_741_824],
    ["2GB", 2_000_000_000],
    ["1.5KiB", 1536],
    ["0.5MB", 500_000],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
});

test("refuses what is no size", () => {
  for (const text of [
    "",
    "KiB",
    "-1",
    "+1",
    "1e3",
    "0x10",
    "10 M",
    "10M",
    "10mb",
    "10MIB",
    "10  MB",
    " 10MB",
    "10MB ",
    "1.5",
    "0.3KiB",
    "9007199254740992",
    "1TB",
  ]) {
    assert.equal(parseSize(text), null, JSON.stringify(text));
  }
});

test("what is formatted reads back", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
  assert.equal(formatSize(65_536), "64KiB");
  assert.equal(formatSize(10_000_000), "10MB");
  assert.equal(formatSize(128_000), "128kB");
  assert.equal(formatSize(4321), "4321");
});
