import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "./measure/round.ts";
import { table } from "./table.ts";

const median = { requestsPerSecond: 40_000, user: 4, kernel: 8, p50: 1.5, p99: 3.25, p999: 7.5, longest: 9, peak: 12 << 20, busy: 0.97 };
const base: Row = { name: "nginx", rounds: [], median };

test("ratios are to the base, and rows without numbers say why", () => {
  const rows: Row[] = [
    { name: "millrace", rounds: [], median: { ...median, requestsPerSecond: 30_000, user: 10 } },
    base,
    { name: "http-proxy", rounds: [], problem: "void: 3 errors" },
  ];
  const lines = table(rows, "nginx")
    .split("\n")
    .map((line) => line.split(/\s{2,}/));
  assert.deepEqual(lines[1], ["millrace", "30000", "18.0", "10.0", "8.0", "1.50", "3.25", "7.50", "12.0", "97 %", "0.75", "1.50"]);
  assert.deepEqual(lines[2]?.slice(-2), ["1.00", "1.00"]);
  assert.deepEqual(lines[3], ["http-proxy", "void: 3 errors"]);
});

test("without the base there are no ratios", () => {
  assert.match(table([{ ...base, name: "millrace" }], "nginx"), /-\s+-$/);
});
