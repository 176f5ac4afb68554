/** Counts what operations allocate, in a separate process whose V8 does the same every time. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Figures, Tier } from "./compare-allocations.ts";

/**
 * --predictable: one thread, so that optimised code takes over after a number of calls and not when a compiler thread is done. The young generation holds more than a measurement allocates, so no collection falls into it. The seeds
 * make hash tables and whatever V8 draws lots for alike.
 */
const FLAGS = [
  "--predictable",
  "--expose-gc",
  "--min-semi-space-size=128",
  "--max-semi-space-size=128",
  "--hash-seed=1",
  "--random-seed=1",
  "--no-flush-bytecode",
];

/** How many runs warm up and how many are measured: multiples of the number of different messages. Compilers count calls and loops, not time. */
const TIERS: Readonly<Record<Tier, { readonly flags: readonly string[]; readonly warmUp: number; readonly count: number }>> = {
  optimised: { flags: [], warmUp: 16_384, count: 2048 },
  unoptimised: { flags: ["--no-opt"], warmUp: 512, count: 512 },
};

/** Long enough for a busy machine. */
const TIMEOUT_MS = 120_000;

/** Bytes for one operation, by its name. Rejects when the program fails. */
export async function countAllocations(tier: Tier, names: readonly string[] = []): Promise<Figures> {
  const { flags, warmUp, count } = TIERS[tier];
  const program = fileURLToPath(new URL("./allocation-program.ts", import.meta.url));
  // Node options of the caller, such as coverage or a compile cache, would change what is compiled and when.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_")));
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, ...flags, program, String(warmUp), String(count), ...names], {
    env: { ...env, NODE_DISABLE_COMPILE_CACHE: "1" },
    timeout: TIMEOUT_MS,
  });
  const printed = JSON.parse(stdout) as { readonly bytes: Figures };
  return printed.bytes;
}
