import assert from "node:assert/strict";
import { test } from "node:test";
import { withinTime } from "./within-time.ts";

test("a result in time is passed on, and so is what is thrown or rejected", async () => {
  const tooLate = (): never => assert.fail("it came in time");
  assert.equal(await withinTime(() => 1, 60_000, "it", tooLate), 1);
  assert.equal(await withinTime(async () => Promise.resolve(2), 60_000, "it", tooLate), 2);
  await assert.rejects(
    withinTime(
      () => {
        throw new Error("thrown");
      },
      60_000,
      "it",
    ),
    /^Error: thrown$/,
  );
  await assert.rejects(
    withinTime(async () => Promise.reject(new Error("rejected")), 60_000, "it"),
    /^Error: rejected$/,
  );
});

test("after the limit it rejects, and a late result goes to whoever takes it", async () => {
  const acting = Promise.withResolvers<string>();
  const taken = Promise.withResolvers<string>();
  await assert.rejects(
    withinTime(async () => acting.promise, 5, "the module", taken.resolve),
    /^Error: the module has not settled within 0\.005 s$/,
  );
  acting.resolve("late");
  assert.equal(await taken.promise, "late");
});
