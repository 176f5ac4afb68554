/**
 * `node bench/micro/allocations.ts [--update]`: bytes of the JavaScript heap that the hot path's parts allocate, beside their stored figures.
 * Exits with 1 when one allocates too much. See bench/micro/README.md.
 */
import { ADVICE, compareAllocations, otherMachine } from "./compare-allocations.ts";
import type { Figures, Tier } from "./compare-allocations.ts";
import { countAllocations } from "./count-allocations.ts";
import { pinnedNode } from "./pinned-node.ts";
import { readStored, writeStored } from "./stored-allocations.ts";

const TIERS: readonly Tier[] = ["unoptimised", "optimised"];

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  if (words.length > 1 || (words.length === 1 && words[0] !== "--update")) {
    console.error("usage: node bench/micro/allocations.ts [--update]");
    return 1;
  }
  if (words[0] === "--update") return update();
  const stored = readStored();
  const counted = await count();
  console.log(
    "bytes per operation".padEnd(34) + "unoptimised".padStart(12) + "figure".padStart(8) + "optimised".padStart(12) + "figure".padStart(8),
  );
  for (const [name, bytes] of Object.entries(counted.unoptimised)) {
    const figures = [stored.unoptimised[name], counted.optimised[name], stored.optimised[name]].map((each) => String(each ?? "-"));
    const [before = "", optimised = "", optimisedBefore = ""] = figures;
    console.log(name.padEnd(34) + String(bytes).padStart(12) + before.padStart(8) + optimised.padStart(12) + optimisedBefore.padStart(8));
  }
  const other = otherMachine(stored, process.versions.node, process.arch);
  if (other !== null) {
    console.log(`\nnot compared: ${other}`);
    return 0;
  }
  const compared = TIERS.map((tier) => compareAllocations(tier, stored[tier], counted[tier]));
  const problems = compared.flatMap((each) => each.problems);
  const better = compared.flatMap((each) => each.better);
  if (better.length > 0) console.log(`\n${better.join("\n")}\n--update holds on to it.`);
  if (problems.length > 0) console.error(`\n${problems.join("\n")}\n${ADVICE}`);
  return problems.length > 0 ? 1 : 0;
}

async function count(): Promise<Record<Tier, Figures>> {
  const [unoptimised, optimised] = await Promise.all([countAllocations("unoptimised"), countAllocations("optimised")]);
  return { unoptimised, optimised };
}

async function update(): Promise<number> {
  const pinned = pinnedNode();
  if (process.versions.node !== pinned) {
    console.error(`figures are counted on Node ${pinned}, which package.json pins; this is ${process.versions.node}`);
    return 1;
  }
  writeStored(await count());
  console.log("bench/micro/allocations.json is written");
  return 0;
}
