/** The differential fuzzer's command line; docs/fuzzing.md tells what it compares. */
import { Worker } from "node:worker_threads";
import { drawCase } from "./case.ts";
import { loadCorpus } from "./corpus.ts";
import { describe, escaped } from "./failure.ts";
import { readOptions } from "./options.ts";
import type { Options } from "./options.ts";
import { CLIENT_READINGS, runCase } from "./run-case.ts";
import { addTally, makeJudges } from "./run-cases.ts";
import type { Tally } from "./run-cases.ts";
import type { WorkerTask } from "./worker.ts";

/** A case takes a millisecond at most; one that runs this long will run for ever. */
const HANGING_MS = 20_000;

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") console.error(options);
process.exitCode =
  typeof options === "string" ? 1 : options.case === null ? await runAll(options) : await runOne(options.seed, options.case);

async function runAll(options: Options): Promise<number> {
  const { seed, jobs, cases, seconds } = options;
  console.log(`seed ${seed}, ${cases < Infinity ? `${cases} cases` : `${seconds} s`}, ${jobs} ${jobs === 1 ? "job" : "jobs"}`);
  const started = performance.now();
  const total: Tally = { cases: 0, comparisons: 0, agreed: 0, listed: new Map(), failures: new Map() };
  const threads = Array.from({ length: jobs }, (_, job) => runThread({ ...options, cases: Math.ceil((cases - job) / jobs) }, job));
  for (const tally of await Promise.all(threads)) addTally(total, tally);
  report(total, (performance.now() - started) / 1000, seed);
  return total.failures.size === 0 ? 0 : 1;
}

function runThread({ seed, jobs, cases, seconds }: Options, job: number): Promise<Tally> {
  const current = new Int32Array(new SharedArrayBuffer(4));
  const task: WorkerTask = { seed, first: job, step: jobs, cases, seconds, current };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    let before = -1;
    const watchdog = setInterval(() => {
      const number = Atomics.load(current, 0);
      if (number === before) {
        reject(new Error(`case ${number} never ends: --seed ${seed} --case ${number}`));
        void worker.terminate();
      }
      before = number;
    }, HANGING_MS);
    worker.once("message", (tally: Tally) => resolve(tally));
    worker.once("error", reject);
    worker.once("exit", () => clearInterval(watchdog));
  });
}

function report({ cases, comparisons, agreed, listed, failures }: Tally, seconds: number, seed: number): void {
  console.log(`${cases} cases in ${seconds.toFixed(1)} s; ${comparisons} comparisons, ${Math.round(comparisons / seconds)} a second`);
  console.log(`${agreed} messages accepted by both and equal; listed disagreements:`);
  for (const [id, count] of [...listed].sort((one, other) => other[1] - one[1])) console.log(`  ${String(count).padStart(8)}  ${id}`);
  if (failures.size === 0) console.log("no failure");
  for (const { number, failure, shortest, count } of failures.values()) {
    console.log(`\nFAILURE, ${count} times, first: --seed ${seed} --case ${number}`);
    console.log(describe(failure));
    if (shortest !== failure) console.log(`shortest\n${describe({ ...shortest, rule: "", detail: "" }).trimStart()}`);
  }
}

async function runOne(seed: number, number: number): Promise<number> {
  const one = drawCase(seed, number, loadCorpus());
  const judges = makeJudges();
  await judges.client.prepare(CLIENT_READINGS, CLIENT_READINGS);
  const { wire, ...rest } = one.side === "text" ? { ...one, wire: one.text, text: undefined } : one;
  console.log(`case  ${JSON.stringify(rest)}\nwire  ${escaped(wire)}`);
  const { failure, listed, agreed } = runCase(one, judges);
  console.log(failure === null ? `no failure; ${agreed} messages equal; listed: ${listed.join(", ") || "none"}` : describe(failure));
  return failure === null ? 0 : 1;
}
