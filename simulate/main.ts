/** `npm run simulate -- --seed N` with `--seconds S` or `--runs R`, or `--only N` to repeat one run; see docs/simulation.md. */
import { parseArgs } from "node:util";
import { drawPlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { runSeed } from "./run-seed.ts";
import { World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seconds: { type: "string" },
    runs: { type: "string" },
    only: { type: "string" },
  },
});
/** How long to run if neither `--seconds` nor `--runs` is given. */
const SECONDS = 10;
process.exitCode = await (values.only === undefined ? runAll(Number(values.seed), ...limits()) : runOne(Number(values.only)));

function limits(): [seconds: number, runs: number] {
  const { seconds, runs } = values;
  return [Number(seconds ?? (runs === undefined ? SECONDS : Infinity)), Number(runs ?? Infinity)];
}

async function runAll(seed: number, seconds: number, runsMax: number): Promise<number> {
  const started = performance.now();
  let [runs, exchanges, events, virtualMs] = [0, 0, 0, 0];
  while (runs < runsMax && performance.now() - started < seconds * 1000) {
    const own = runSeed(seed, runs++);
    const outcome = await new World(drawPlan(own)).run();
    exchanges += outcome.exchanges;
    events += outcome.events;
    virtualMs += outcome.virtualMs;
    if (outcome.violation !== null) {
      console.log(`run ${runs} of seed ${seed} fails: npm run simulate -- --only ${own}\n${outcome.violation.message}\nshrinking ...`);
      return await runOne(own);
    }
  }
  const took = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage();
  console.log(
    `seed ${seed}: ${runs} runs, ${exchanges} exchanges, ${events} events, ${Math.round(virtualMs / 60_000)} virtual minutes in ${took.toFixed(1)} s`,
  );
  console.log(`${Math.round((exchanges * 1e6) / (user + system))} exchanges a second of processor time; all that must hold did`);
  return 0;
}

async function runOne(seed: number): Promise<number> {
  const plan = drawPlan(seed);
  const { violation } = await new World(plan).run();
  if (violation === null) {
    console.log(`seed ${seed}: all that must hold did`);
    return 0;
  }
  const { plan: shortest, violation: why } = await shrink(plan, violation);
  console.log(`${why.message}\n${JSON.stringify(shortest, null, 1)}`);
  return 1;
}
