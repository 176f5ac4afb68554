/**
 * The seeds of runs. The upper bits of such a seed are the number of a combination of parts, and with them of configurations; the lower bits are the run's
 * own. To read a configuration takes as long as some ten exchanges, so runs have combinations in common: a few of them take turns, then others.
 */
import { seedOf } from "./draw.ts";

const OWN_BITS = 20;
/** How many combinations there are. */
export const COMBINATIONS: number = 2 ** (32 - OWN_BITS);
/** How many combinations take turns: so many that any two parts meet among them. */
export const TURNS = 128;
/** How many runs each combination has before others take its place. */
export const ROUNDS = 32;

/** The seed of that run of all those that follow from `seed`; a whole number below 2 ** 32. */
export function runSeed(seed: number, run: number): number {
  const before = Math.floor(run / (TURNS * ROUNDS)) * TURNS;
  const combination = ((seedOf(seed, -1) >>> 0) + before + (run % TURNS)) % COMBINATIONS;
  return combination * 2 ** OWN_BITS + (seedOf(seed, run) & (2 ** OWN_BITS - 1));
}

export function combinationOf(seed: number): number {
  return seed >>> OWN_BITS;
}
