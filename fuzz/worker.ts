/** A thread of the fuzzer: runs every `step`-th case until it is over, and hands back what it counted. */
import { parentPort, workerData } from "node:worker_threads";
import { runCases } from "./run-cases.ts";

export interface WorkerTask {
  readonly seed: number;
  readonly first: number;
  readonly step: number;
  readonly cases: number;
  readonly seconds: number;
  /** Where the number of the case that runs is written, for the watchdog. */
  readonly current: Int32Array;
}

const { seed, first, step, cases, seconds, current } = workerData as WorkerTask;
const started = performance.now();
const tally = await runCases({
  seed,
  first,
  step,
  over: (count) => count >= cases || performance.now() - started >= seconds * 1000,
  begins: (number) => Atomics.store(current, 0, number),
});
parentPort?.postMessage(tally);
