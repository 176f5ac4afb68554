import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

test("reads single units and compositions", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["250ms", 250],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["1m30s", 90_000],
    ["1h0m0s", 3_600_000],
    ["2h5ms", 7_200_005],
    ["1.5s", 1500],
    ["0.25h", 900_000],
    ["1.0004s", 1000],
    ["0s", 0],
    ["90m", 5_400_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test("refuses what is no duration", () => {
  for (const text of [
    "",
    "10",
    "s",
    "10 s",
    " 10s",
    "10s ",
    "-1s",
    "+1s",
    "10S",
    "1d",
    "1s1m",
    "1s1s",
    "1e3s",
    ".5s",
    "5.s",
    "1,5s",
    "10sec",
    "1ms1s",
    "0.1ms",
    "1m s",
    "ten",
    "1h30",
    "9999999999999s",
  ]) {
    assert.equal(parseDuration(text), null, JSON.stringify(text));
  }
});

test("what is formatted reads back", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
  assert.equal(formatDuration(90_000), "1m30s");
  assert.equal(formatDuration(60_000), "1m");
  assert.equal(formatDuration(1001), "1s1ms");
  assert.equal(formatDuration(0), "0s");
});
