import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuTime, parseStat, parseSteal, stolenTime } from "./cpu.ts";
import { allowedCores, parseCoreList } from "./machine.ts";
import { median, ratioOf, round, row } from "./round.ts";
import type { Round } from "./round.ts";

const LINUX = process.platform === "linux" ? false : "reads /proc";
const GOOD: Round = {
  requests: 100,
  requestsPerSecond: 50,
  p50: 1,
  p99: 2,
  p999: 3,
  longest: 4,
  errors: 0,
  peak: 5,
  user: 3,
  kernel: 4,
  busy: 0.5,
};

test("ticks are found after a name with spaces and parentheses", () => {
  const stat = "4711 (a (strange) name) S 1 4711 4711 0 -1 4194304 100 0 0 0 123 456 0 0 20 0 1 0";
  assert.deepEqual(parseStat(stat), { user: 123, kernel: 456 });
});

test("the time of this process grows with its work and is about what Node says", { skip: LINUX }, () => {
  const before = cpuTime(process.pid);
  const began = process.cpuUsage();
  while (process.cpuUsage(began).user < 150_000) Math.hypot(1, 2);
  const used = cpuTime(process.pid).user - before.user;
  const node = process.cpuUsage(began).user;
  assert.ok(Math.abs(used - node) < 60_000, `${used} us, Node says ${node}`);
});

test("a core's steal time is read from its own line", { skip: LINUX }, () => {
  const stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu1 768587 3238 512904 1231235 451 0 367242 265 0 0\ncpu10 1 2 3 4 5 6 7 8 9 10\nintr 5\n";
  assert.deepEqual(
    [1, 10, 2].map((core) => parseSteal(stat, core)),
    [265, 8, 0],
  );
  assert.ok(stolenTime(allowedCores()[0] ?? 0) >= 0);
});

test("core lists", () => {
  assert.deepEqual(parseCoreList("0-2,5"), [0, 1, 2, 5]);
  assert.deepEqual(parseCoreList("7"), [7]);
});

test("this process has a core", { skip: LINUX }, () => {
  assert.ok(allowedCores().length >= 1);
});

test("time per request and share of the core", () => {
  const load = { requests: 1000, requestsPerSecond: 1000, p50: 1, p99: 2, p999: 3, longest: 4, errors: 0 };
  const measured = round(load, { user: 500, kernel: 1000 }, { user: 4500, kernel: 9000 }, 4096);
  assert.deepEqual([measured.user, measured.kernel, measured.busy, measured.peak], [4, 8, 0.012, 4096]);
});

test("medians", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("a row is the median of its rounds, and void with a single error", () => {
  const rounds = [GOOD, { ...GOOD, p99: 9, user: 30 }, { ...GOOD, p99: 3 }];
  assert.equal(row("a", rounds).median?.p99, 3);
  assert.equal(row("a", rounds).median?.user, 3);
  const bad = row("a", [...rounds, { ...GOOD, errors: 1 }]);
  assert.equal(bad.median, undefined);
  assert.equal(bad.problem, "void: 1 errors");
  assert.match(row("a", [{ ...GOOD, unsent: 7 }]).problem ?? "", /^void: 7 requests had no time/);
  assert.match(row("a", [GOOD, { ...GOOD, unjudged: 51 }]).problem ?? "", /^void: the machine stopped the load/);
  assert.equal(row("a", [{ ...GOOD, unjudged: 50 }]).problem, undefined);
});

test("two rows are compared round by round, and not where one is void", () => {
  const a = row(
    "a",
    [1, 2, 30].map((user) => ({ ...GOOD, user, kernel: 0 })),
  );
  const b = row(
    "b",
    [1, 1, 10].map((user) => ({ ...GOOD, user, kernel: 0 })),
  );
  assert.equal(ratioOf(a, b), 2);
  assert.equal(ratioOf(a, row("c", [{ ...GOOD, errors: 1 }])), null);
});
