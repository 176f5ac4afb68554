/**
 * Does a proxy stay as fast and as small as it was? Half load for minutes: memory every ten seconds, and the slowest answers of every minute and of
 * the whole. The steal time of the proxy's core is shown too: a proxy is not to blame for a pause in which it was not running.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { FixedRate, FixedRateLoad } from "../load/fixed-rate.ts";
import { missingWrk } from "../load/wrk.ts";
import type { Load } from "../load/wrk.ts";
import { stolenTime } from "../measure/cpu.ts";
import { residentMemory } from "../measure/memory.ts";
import { voidBy } from "../measure/round.ts";
import { millrace, millraceLogging } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import type { Rival } from "../rivals/rival.ts";
import { align, mebibytes } from "../table.ts";
import { halfLoad } from "./half.ts";
import { promptOrigin } from "./origins.ts";
import { startRival, voidBecause } from "./work.ts";
import type { Place, Result, Work } from "./work.ts";

const SAMPLE_MS = 10_000;

interface TimeRow {
  readonly name: string;
  readonly problem?: string;
  /** The load; its intervals are minutes. */
  readonly load?: FixedRateLoad;
  /** Samples, one every ten seconds from the start on. */
  readonly samples?: readonly Sample[];
}

interface Sample {
  /** Resident memory in bytes. */
  readonly resident: number;
  /** Steal time of the core so far, in milliseconds. */
  readonly stolen: number;
}

export const tenMinutes: Work = {
  name: "ten-minutes",
  about: "half load as in `half` for --minutes, one proxy after the other: memory, and the longest answers of each minute",
  rivals: [millrace, millraceLogging, nginx],
  quick: ["millrace"],
  missing: missingWrk,
  run: async (place, rivals) => {
    const origin = await promptOrigin(place);
    const load = await halfLoad(place, origin);
    const rows: TimeRow[] = [];
    for (const rival of rivals) rows.push(await rowOf(place, rival, origin.port, load));
    return result(rows, load.rate);
  },
};

async function rowOf(place: Place, rival: Rival, originPort: number, fixedRate: FixedRate): Promise<TimeRow> {
  const { name } = rival;
  process.stderr.write(`${name}: ${place.minutes} minutes\n`);
  const server = await startRival(place, rival, originPort);
  if (typeof server === "string") return { name, problem: server };
  const samples: Sample[] = [];
  const end = new AbortController();
  const sampling = sampleInto(samples, () => ({ resident: residentMemory(server.pid), stolen: stolenTime(place.proxyCore) }), end.signal);
  try {
    const load = await fixedRate.on(server.port, 60 * place.minutes, 60);
    const problem = voidBy([load.whole]);
    return problem === null ? { name, load, samples } : { name, load, samples, problem };
  } catch (error) {
    return { name, samples, problem: await voidBecause(place, error, server) };
  } finally {
    end.abort();
    await sampling;
    await place.processes.end(server.pid);
  }
}

/** At once and then until it is told to stop, or there is no such process any more. */
async function sampleInto(samples: Sample[], sample: () => Sample, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      samples.push(sample());
      await delay(SAMPLE_MS, undefined, { signal });
    }
  } catch {
    // Stopped; a proxy that ended is the load's to notice.
  }
}

function result(rows: readonly TimeRow[], rate: number): Result {
  const head = ["", "minute", "requests", "p50 ms", "p99 ms", "p99.9 ms", "longest ms", "stolen ms", "RSS MiB at its end", "most"];
  const lines = rows.flatMap(({ name, load, samples = [], problem }) =>
    problem === undefined ? linesOf(name, load, samples) : [[name, problem]],
  );
  const good = rows.filter(({ problem }) => problem === undefined);
  const each = (value: (row: TimeRow, minute: number) => number): { name: string; values: number[] }[] =>
    good.flatMap((row) => minutesOf(row).map((_, minute) => ({ name: `${row.name}, ${minute + 1}`, values: [value(row, minute)] })));
  return {
    rows,
    text: `${align([head, ...lines])}\n\n${rate} requests/s; latencies count from the moment a request was due; stolen: by the machine, from the proxy's core`,
    panels: [
      { title: "p99.9 of each minute, ms", parts: ["p99.9"], bars: each((row, minute) => minutesOf(row)[minute]?.p999 ?? 0) },
      { title: "longest answer of each minute, ms", parts: ["longest"], bars: each((row, minute) => minutesOf(row)[minute]?.longest ?? 0) },
      {
        title: "most resident memory of each minute, MiB",
        parts: ["MiB"],
        bars: each((row, minute) => mostResident(ofMinute(row.samples ?? [], minute)) / (1 << 20)),
      },
    ],
  };
}

function minutesOf({ load }: TimeRow): readonly Load[] {
  return load?.intervals ?? [];
}

/** One for each minute and one for all of them. */
function linesOf(name: string, load: FixedRateLoad | undefined, samples: readonly Sample[]): string[][] {
  if (load === undefined) return [];
  const { whole, intervals } = load;
  return [
    ...intervals.map((each, minute) => line(name, String(minute + 1), each, ofMinute(samples, minute))),
    line(name, "all", whole, samples),
  ];
}

function line(name: string, span: string, { requests, p50, p99, p999, longest }: Load, samples: readonly Sample[]): string[] {
  const stolen = (samples.at(-1)?.stolen ?? 0) - (samples[0]?.stolen ?? 0);
  const latencies = [p50, p99, p999, longest].map((each) => each.toFixed(2));
  const resident = [mebibytes(samples.at(-1)?.resident ?? 0), mebibytes(mostResident(samples))];
  return [name, span, String(requests), ...latencies, stolen.toFixed(0), ...resident];
}

function mostResident(samples: readonly Sample[]): number {
  return Math.max(0, ...samples.map(({ resident }) => resident));
}

/** With the one at its beginning, which is the last one of the minute before. */
function ofMinute(samples: readonly Sample[], minute: number): readonly Sample[] {
  return samples.slice(minute * 6, minute * 6 + 7);
}
