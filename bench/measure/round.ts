/** One measurement of one proxy (a round), and the median over several rounds (a row of the table). */
import type { Load } from "../load/wrk.ts";
import type { CpuTime } from "./cpu.ts";

export interface Round extends Load {
  /** Microseconds of processor time per request. */
  readonly user: number;
  readonly kernel: number;
  /** Share of its core that the proxy used, 0 to 1. If it is well below 1, the load or the origin was the limit, not the proxy. */
  readonly busy: number;
  /** The peak of resident memory during the round, in bytes. */
  readonly peak: number;
  /** Nanoseconds per cache line right before the round (line-latency.ts); measured only where ratios near 1 matter. */
  readonly lineLatency?: number;
}

export type Medians = Omit<Round, "errors" | "requests" | "unsent" | "unjudged" | "lineLatency">;

export interface Row {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Medians over the rounds; absent when the row is void. */
  readonly median?: Medians;
  /** Why the row has no numbers: the proxy was skipped, did not start, or had errors. */
  readonly problem?: string;
}

export function round(load: Load, before: CpuTime, after: CpuTime, peak: number): Round {
  const user = (after.user - before.user) / load.requests;
  const kernel = (after.kernel - before.kernel) / load.requests;
  return { ...load, user, kernel, busy: ((user + kernel) * load.requestsPerSecond) / 1e6, peak };
}

export function row(name: string, rounds: readonly Round[]): Row {
  const problem = voidBy(rounds);
  if (problem !== null) return { name, rounds, problem };
  if (rounds.length === 0) return { name, rounds, problem: "no round" };
  const of = (key: keyof Medians): number => median(rounds.map((each) => each[key]));
  return {
    name,
    rounds,
    median: {
      requestsPerSecond: of("requestsPerSecond"),
      user: of("user"),
      kernel: of("kernel"),
      busy: of("busy"),
      p50: of("p50"),
      p99: of("p99"),
      p999: of("p999"),
      longest: of("longest"),
      peak: of("peak"),
    },
  };
}

/** The median, over the rounds, of how often the processor time of a request of `b` goes into that of `a`; null if one of them has no numbers. */
export function ratioOf(a: Row, b: Row): number | null {
  if (a.median === undefined || b.median === undefined) return null;
  return median(a.rounds.map(({ user, kernel }, index) => (user + kernel) / total(b.rounds[index])));
}

function total(round: Round | undefined): number {
  return round === undefined ? Number.NaN : round.user + round.kernel;
}

/** Why the measurements do not count; null if they do. A single error voids them: a proxy that drops requests is fast for the wrong reason. */
export function voidBy(loads: readonly Load[]): string | null {
  const errors = loads.reduce((sum, each) => sum + each.errors, 0);
  if (errors > 0) return `void: ${errors} errors`;
  const unsent = loads.reduce((sum, each) => sum + (each.unsent ?? 0), 0);
  if (unsent > 0) return `void: ${unsent} requests had no time, the proxy or the machine was too slow for the rate`;
  const halfJudged = loads.some(({ requests, unjudged = 0 }) => 2 * unjudged > requests);
  return halfJudged ? "void: the machine stopped the load so often that most requests could not be judged" : null;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
