/** One measurement of one proxy, and what several of them say together. */
import type { Load } from "../load/wrk.ts";
import type { CpuTime } from "./cpu.ts";

export interface Round extends Load {
  /** Microseconds of processor time per request. */
  readonly user: number;
  readonly kernel: number;
  /** Share of its core that the proxy used, 0 to 1: well below 1, the load or the origin was the limit and not the proxy. */
  readonly busy: number;
}

export interface Row {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Medians over the rounds; absent when the row is void. */
  readonly median?: Omit<Round, "errors" | "requests">;
  /** Why there is no number: skipped, did not start, errors. */
  readonly problem?: string;
}

export function round(load: Load, before: CpuTime, after: CpuTime, elapsedMs: number): Round {
  const user = after.user - before.user;
  const kernel = after.kernel - before.kernel;
  return { ...load, user: user / load.requests, kernel: kernel / load.requests, busy: (user + kernel) / (elapsedMs * 1000) };
}

/** A single error voids the row: a proxy that drops requests is fast for the wrong reason. */
export function row(name: string, rounds: readonly Round[]): Row {
  const errors = rounds.reduce((sum, each) => sum + each.errors, 0);
  if (errors > 0) return { name, rounds, problem: `void: ${errors} errors` };
  if (rounds.length === 0) return { name, rounds, problem: "no round" };
  const of = (pick: (each: Round) => number): number => median(rounds.map(pick));
  return {
    name,
    rounds,
    median: {
      requestsPerSecond: of((each) => each.requestsPerSecond),
      user: of((each) => each.user),
      kernel: of((each) => each.kernel),
      busy: of((each) => each.busy),
      p50: of((each) => each.p50),
      p99: of((each) => each.p99),
    },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
