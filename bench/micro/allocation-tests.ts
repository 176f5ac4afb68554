/** The tests that hold the hot path to its stored figures, for one tier of V8. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allocating } from "./allocating.ts";
import { ADVICE, compareAllocations, otherMachine } from "./compare-allocations.ts";
import type { Figures, Tier } from "./compare-allocations.ts";
import { countAllocations } from "./count-allocations.ts";
import { readStored } from "./stored-allocations.ts";

const STORED = readStored();
const OTHER = otherMachine(STORED, process.versions.node, process.arch);

/** Every operation's name begins with it: what allocates on purpose is counted too, as the last. */
const ANY_NAME = "";

export function allocationTests(tier: Tier): void {
  let counting: Promise<Figures> | null = null;
  const counted = (): Promise<Figures> => (counting ??= countAllocations(tier, [ANY_NAME]));

  test(`the hot path allocates no more than its figures say, ${tier}`, { skip: OTHER ?? false }, async (context) => {
    const { [allocating.name]: _onPurpose, ...figures } = await counted();
    const { problems, better } = compareAllocations(tier, STORED[tier], figures);
    for (const each of better) context.diagnostic(`${each}; node bench/micro/allocations.ts --update holds on to it`);
    assert.equal(problems.length, 0, `\n${problems.join("\n")}\n\n${ADVICE}`);
  });

  test(`an operation that allocates on purpose is caught, ${tier}`, { skip: OTHER ?? false }, async () => {
    const { [allocating.name]: bytes = 0 } = await counted();
    // 32 numbers of eight bytes, the array's own words, and what making it takes.
    assert.ok(bytes >= 32 * 8 && bytes < 2000, `${bytes} bytes`);
    assert.equal(compareAllocations(tier, { [allocating.name]: 0 }, { [allocating.name]: bytes }).problems.length, 1);
  });
}
