/**
 * The usual course of a workload: all proxies run at once, idle but for the one that is measured, or each of them is started anew in each
 * round; a round measures each of them in turn, so that whatever else the machine does meets them alike.
 */
import type { Panel } from "../chart.ts";
import { runWrk } from "../load/wrk.ts";
import type { Load } from "../load/wrk.ts";
import { cpuTime } from "../measure/cpu.ts";
import { lineLatency, lineLatencyNote } from "../measure/line-latency.ts";
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
  /**
   * Each round starts the proxies anew, and each of them alone: one process is two or three per cent faster or slower than the next of the
   * same proxy, by where its memory happens to lie. How quick the machine's memory is just then is measured with it.
   */
  readonly anew?: boolean;
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
    const loadOn = await course.load(place, origin);
    const warmUp = course.warmUp ?? ((load: LoadOn, server: Started, rival: Rival) => load(server, 2, rival));
    const problems = new Map<string, string>();
    const standing = new Map<Rival, Started>();
    const end = async (rival: Rival): Promise<void> => {
      const server = standing.get(rival);
      standing.delete(rival);
      if (server !== undefined) await place.processes.end(server.pid);
    };
    /** One that does not start, or ends meanwhile, takes only its own row with it. */
    const attempt = async (rival: Rival, step: (server: Started) => Promise<unknown>): Promise<void> => {
      const server = standing.get(rival);
      if (server === undefined) return;
      await step(server).catch(async (error: unknown) => {
        problems.set(rival.name, await voidBecause(place, error, server));
        await end(rival);
      });
    };
    const startAndWarm = async (rival: Rival): Promise<void> => {
      if (problems.has(rival.name)) return;
      const found = await startRival(place, rival, origin.port);
      if (typeof found === "string") problems.set(rival.name, found);
      else standing.set(rival, found);
      await attempt(rival, (server) => warmUp(loadOn, server, rival));
    };
    if (course.anew !== true) for (const rival of rivals) await startAndWarm(rival);
    const rounds = new Map<Rival, Round[]>(rivals.map((rival) => [rival, []]));
    for (let count = 1; count <= place.rounds; count++) {
      process.stderr.write(`round ${count} of ${place.rounds}\n`);
      // There and back: what warms up or wears off within a round must not always meet the same one.
      for (const rival of count % 2 === 0 ? rivals.toReversed() : rivals) {
        if (course.anew === true) await startAndWarm(rival);
        await attempt(rival, async (server) => {
          const latency = course.anew === true ? { lineLatency: await lineLatency(place.processes, place.proxyCore) } : {};
          rounds.get(rival)?.push({ ...(await measure(server, () => loadOn(server, place.seconds, rival))), ...latency });
        });
        if (course.anew === true) await end(rival);
      }
    }
    const rows = rivals.map((rival): Row => {
      const problem = problems.get(rival.name);
      return problem === undefined
        ? row(rival.name, rounds.get(rival) ?? [])
        : { name: rival.name, rounds: rounds.get(rival) ?? [], problem };
    });
    const base = rows.some(({ name }) => name === course.base) ? course.base : (rows.at(-1)?.name ?? "");
    const said = [`medians of ${place.rounds} rounds of ${place.seconds} s`];
    if (course.note !== undefined) said.push(course.note);
    const latencies = rows.flatMap((each) => each.rounds.flatMap((one) => one.lineLatency ?? []));
    if (latencies.length > 0) said.push(lineLatencyNote(latencies));
    return { rows, text: `${table(rows, base)}\n\n${said.join("; ")}`, panels: panels(rows) };
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
