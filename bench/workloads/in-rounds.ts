/**
 * The usual course of a workload: all proxies run at once, idle but for the one that is measured, and each round measures each of them in
 * turn, so that whatever else the machine does meets them alike.
 */
import type { Panel } from "../chart.ts";
import { runWrk } from "../load/wrk.ts";
import type { Load } from "../load/wrk.ts";
import { cpuTime } from "../measure/cpu.ts";
import { peakMemory, resetPeak } from "../measure/memory.ts";
import { round, row } from "../measure/round.ts";
import type { Round, Row } from "../measure/round.ts";
import type { Started } from "../processes.ts";
import type { Rival } from "../rivals/rival.ts";
import { table } from "../table.ts";
import type { Origin } from "./origins.ts";
import { startRival, voidBecause } from "./work.ts";
import type { Place, Work } from "./work.ts";

/** Puts load on a proxy for so many seconds. */
export type LoadOn = (server: Started, seconds: number, rival: Rival) => Promise<Load>;

export interface Course {
  readonly origin: Origin;
  /** The row that ratios are to; the last one when it is not among those that run. */
  readonly base: string;
  /** Called once, before anything counts. */
  readonly load: (place: Place, origin: Started) => LoadOn | Promise<LoadOn>;
  /** What makes a proxy ready to be measured: compilers, caches, connections. 2 s of the load unless said otherwise. */
  readonly warmUp?: (loadOn: LoadOn, server: Started, rival: Rival) => Promise<unknown>;
  /** What a reader of the table must know. */
  readonly note?: string;
}

/** Browsers ask for the same thing again and again, or each time for another; `fields`: beside a browser's. */
export function browsers(fields: readonly string[] = []): Course["load"] {
  return ({ processes, loadCore, changing }) =>
    ({ port }, seconds) =>
      runWrk(processes, loadCore, port, { seconds, fields, ...(changing ? { script: "changing" } : {}) });
}

export function inRounds(course: Course): Work["run"] {
  return async (place, rivals) => {
    const origin = await course.origin(place);
    const problems = new Map<string, string>();
    const started = new Map<Rival, Started>();
    for (const rival of rivals) {
      const found = await startRival(place, rival, origin.port);
      if (typeof found === "string") problems.set(rival.name, found);
      else started.set(rival, found);
    }
    const loadOn = await course.load(place, origin);
    const warmUp = course.warmUp ?? ((load: LoadOn, server: Started, rival: Rival) => load(server, 2, rival));
    const drop = (rival: Rival, error: unknown): void => {
      problems.set(rival.name, voidBecause(place, error));
      started.delete(rival);
    };
    for (const [rival, server] of started) await warmUp(loadOn, server, rival).catch((error: unknown) => drop(rival, error));
    const rounds = new Map<Rival, Round[]>(rivals.map((rival) => [rival, []]));
    for (let count = 1; count <= place.rounds; count++) {
      process.stderr.write(`round ${count} of ${place.rounds}\n`);
      // There and back: what warms up or wears off within a round must not always meet the same one.
      const order = count % 2 === 0 ? [...started].toReversed() : [...started];
      for (const [rival, server] of order) {
        try {
          rounds.get(rival)?.push(await measure(server, () => loadOn(server, place.seconds, rival)));
        } catch (error) {
          // One that ended meanwhile takes only its own row with it.
          drop(rival, error);
        }
      }
    }
    const rows = rivals.map((rival): Row => {
      const problem = problems.get(rival.name);
      return problem === undefined
        ? row(rival.name, rounds.get(rival) ?? [])
        : { name: rival.name, rounds: rounds.get(rival) ?? [], problem };
    });
    const base = rows.some(({ name }) => name === course.base) ? course.base : (rows.at(-1)?.name ?? "");
    const said = `medians of ${place.rounds} rounds of ${place.seconds} s${course.note === undefined ? "" : `; ${course.note}`}`;
    return { rows, text: `${table(rows, base)}\n\n${said}`, panels: panels(rows) };
  };
}

async function measure({ pid }: Started, load: () => Promise<Load>): Promise<Round> {
  resetPeak(pid);
  const before = cpuTime(pid);
  const measured = await load();
  return round(measured, before, cpuTime(pid), peakMemory(pid));
}

function panels(rows: readonly Row[]): Panel[] {
  const measured = rows.flatMap(({ name, median }) => (median === undefined ? [] : [{ name, median }]));
  return [
    {
      title: "requests per second",
      parts: ["requests/s"],
      bars: measured.map(({ name, median }) => ({ name, values: [median.requestsPerSecond] })),
    },
    {
      title: "processor time per request, us",
      parts: ["user", "kernel"],
      bars: measured.map(({ name, median }) => ({ name, values: [median.user, median.kernel] })),
    },
  ];
}
