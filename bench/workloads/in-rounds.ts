/**
 * Runs a workload in rounds. Each round measures every proxy in turn, so that whatever else the machine does meets all of them. Either all proxies run
 * the whole time and only the measured one has load, or each is started anew in each round.
 */
import type { Panel } from "../chart.ts";
import { runWrk } from "../load/wrk.ts";
import type { Load } from "../load/wrk.ts";
import { cpuTime } from "../measure/cpu.ts";
import { lineLatency, lineLatencyNote } from "../measure/line-latency.ts";
import { peakMemory, resetPeak } from "../measure/memory.ts";
import { ratioOf, round, row } from "../measure/round.ts";
import type { Round, Row } from "../measure/round.ts";
import type { Started } from "../processes.ts";
import type { Rival } from "../rivals/rival.ts";
import { table } from "../table.ts";
import type { Origin } from "./origins.ts";
import { startRival, voidBecause } from "./work.ts";
import type { Place, Work } from "./work.ts";

/** Puts load on a proxy for this many seconds. */
export type LoadOn = (server: Started, seconds: number, rival: Rival) => Promise<Load>;

/** Over TLS a large body takes longer, and thousands of them must have passed before Millrace is as fast as it gets. */
const OVER_TLS_SECONDS = 6;

export interface Course {
  readonly origin: Origin;
  /** The row that ratios are relative to; the last row if this one does not run. */
  readonly base: string;
  /** Called once, before anything counts. */
  readonly load: (place: Place, origin: Started) => LoadOn | Promise<LoadOn>;
  /**
   * Whether each round starts every proxy anew and alone. Two processes of the same proxy differ in speed by two or three per cent, depending on where
   * their memory lies. The latency of the machine's memory is then measured as well.
   */
  readonly anew?: boolean;
  /** Makes a proxy ready to be measured: compilers, caches, connections. Default: 2 s of the load, over TLS 6 s for what compiles itself. */
  readonly warmUp?: (loadOn: LoadOn, server: Started, rival: Rival) => Promise<unknown>;
  /** A note under the table. */
  readonly note?: string;
}

/** A load of browsers' requests: all the same, or with `--changing` all different. @param fields field lines in addition to a browser's */
export function browsers(fields: readonly string[] = []): Course["load"] {
  return (place) =>
    ({ port }, seconds) =>
      runWrk(place, port, { seconds, fields, ...(place.changing ? { script: "changing" } : {}) });
}

export function inRounds(course: Course): Work["run"] {
  return async (place, rivals) => {
    const origin = await course.origin(place);
    const loadOn = await course.load(place, origin);
    const overTls = place.certificate !== null;
    const warmUp =
      course.warmUp ??
      ((load: LoadOn, server: Started, rival: Rival) =>
        load(server, overTls && rival.compilesItself === true ? OVER_TLS_SECONDS : 2, rival));
    const problems = new Map<string, string>();
    const standing = new Map<Rival, Started>();
    const end = async (rival: Rival): Promise<void> => {
      const server = standing.get(rival);
      standing.delete(rival);
      if (server !== undefined) await place.processes.end(server.pid);
    };
    /** Runs a step with a proxy. A proxy that does not start, or ends meanwhile, voids only its own row. */
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
      // Every second round goes backwards: effects of the position within a round must not always meet the same proxy.
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
    said.push(...ratios(rows, base));
    return { rows, text: `${table(rows, base)}\n\n${said.join("; ")}`, panels: panels(rows) };
  };
}

/** How the base's processor time compares with that of each Millrace: above 1 Millrace needs less. */
function ratios(rows: readonly Row[], base: string): string[] {
  const reference = rows.find(({ name }) => name === base);
  return rows.flatMap((each) => {
    const ratio = reference === undefined || each === reference || !each.name.startsWith("millrace") ? null : ratioOf(reference, each);
    return ratio === null ? [] : [`us/request of ${base} / ${each.name}: ${ratio.toFixed(2)}`];
  });
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
