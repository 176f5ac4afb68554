import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { LineScan, readFieldLine, sectionEnd } from "../http1/field-lines.ts";
import { FieldSection } from "./field-section.ts";
import { RANGES_MAX, asksForTooManyRanges } from "./ranges.ts";

function sectionOf(...lines: string[]): FieldSection {
  const section = new FieldSection();
  const wire = Buffer.from(`${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  const scan = new LineScan();
  let at = 0;
  for (let next = 0; next !== sectionEnd;) {
    next = readFieldLine(wire, at, wire.length, 0, section, scan);
    if (next >= 0) at = next;
  }
  section.complete(wire.toString("latin1", 0, at));
  return section;
}

const ranges = (count: number): string => `bytes=${Array.from({ length: count }, (_, i) => `${i}-${i}`).join(",")}`;

test("up to RANGES_MAX ranges pass, more do not", () => {
  assert.equal(asksForTooManyRanges(sectionOf("Host: a")), false);
  assert.equal(asksForTooManyRanges(sectionOf("Range: bytes=0-99")), false);
  assert.equal(asksForTooManyRanges(sectionOf(`Range: ${ranges(RANGES_MAX)}`)), false);
  assert.equal(asksForTooManyRanges(sectionOf(`Range: ${ranges(RANGES_MAX + 1)}`)), true);
});

test("ranges count over all lines, and empty members too", () => {
  assert.equal(asksForTooManyRanges(sectionOf(`range: ${ranges(RANGES_MAX - 1)}`, "Range: bytes=0-", "RANGE: bytes=1-")), true);
  assert.equal(asksForTooManyRanges(sectionOf(`Range: bytes=${",".repeat(RANGES_MAX)}`)), true);
});
