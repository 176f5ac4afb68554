/** Runs many cases on one thread and counts what came of them. */
import { drawCase } from "./case.ts";
import { loadCorpus } from "./corpus.ts";
import type { Failure } from "./failure.ts";
import { NodeClient } from "./node-client.ts";
import { NodeServer } from "./node-server.ts";
import { CLIENT_READINGS, runCase } from "./run-case.ts";
import type { Judges } from "./run-case.ts";
import { shrink } from "./shrink.ts";

export interface Found {
  /** Number of the first case that showed it. */
  readonly number: number;
  readonly failure: Failure;
  /** The same rule broken by a wire as short as was found. */
  readonly shortest: Failure;
  /** How many cases broke this rule. */
  count: number;
}

export interface Tally {
  cases: number;
  comparisons: number;
  /** Messages that both judges accepted and saw alike. */
  agreed: number;
  /** Cases by the class of disagreement that they met. */
  readonly listed: Map<string, number>;
  /** By broken rule. */
  readonly failures: Map<string, Found>;
}

export interface Run {
  readonly seed: number;
  readonly first: number;
  readonly step: number;
  /** Asked between batches. */
  over(cases: number): boolean;
  /** Told of each case before it runs: one that never returns is known by its number. */
  begins(number: number): void;
}

/** A run that has broken so many rules ends: one of them is the cause of most others. */
const RULES_MAX = 20;

/** Cases between two turns of the event loop, in which Node frees what its connections left behind. */
const BATCH = 64;

export async function runCases(run: Run): Promise<Tally> {
  const corpus = loadCorpus();
  const judges = makeJudges();
  const tally: Tally = { cases: 0, comparisons: 0, agreed: 0, listed: new Map(), failures: new Map() };
  let number = run.first;
  while (!run.over(tally.cases) && tally.failures.size < RULES_MAX) {
    await ready(judges);
    for (let left = BATCH; left > 0 && !run.over(tally.cases); left--) {
      run.begins(number);
      const one = drawCase(run.seed, number, corpus);
      const { failure, listed, agreed, comparisons } = runCase(one, judges);
      tally.cases++;
      tally.comparisons += comparisons;
      tally.agreed += agreed;
      for (const id of listed) tally.listed.set(id, (tally.listed.get(id) ?? 0) + 1);
      if (failure !== null) {
        const known = tally.failures.get(failure.rule);
        if (known !== undefined) known.count++;
        else {
          tally.failures.set(failure.rule, { number, failure, shortest: await shrink(one, failure, judges), count: 1 });
          await ready(judges);
        }
      }
      number += run.step;
    }
  }
  return tally;
}

async function ready({ client }: Judges): Promise<void> {
  await client.prepare(BATCH * CLIENT_READINGS, BATCH * CLIENT_READINGS);
}

export function makeJudges(): Judges {
  return { server: new NodeServer(), client: new NodeClient() };
}

/** Adds what another thread counted. */
export function addTally(to: Tally, from: Tally): void {
  to.cases += from.cases;
  to.comparisons += from.comparisons;
  to.agreed += from.agreed;
  for (const [id, count] of from.listed) to.listed.set(id, (to.listed.get(id) ?? 0) + count);
  for (const [rule, found] of from.failures) {
    const known = to.failures.get(rule);
    if (known === undefined) to.failures.set(rule, found);
    else known.count += found.count;
  }
}
