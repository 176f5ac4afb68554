/** Does it stay as it is? Half load for minutes: memory every ten seconds, and the slowest answers of every minute. */
import { setTimeout as delay } from "node:timers/promises";
import { runFixedRate } from "../load/fixed-rate.ts";
import { missingWrk } from "../load/wrk.ts";
import type { Load } from "../load/wrk.ts";
import { memory } from "../measure/memory.ts";
import { voidBy } from "../measure/round.ts";
import type { Started } from "../processes.ts";
import { millrace, millraceLogging } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import type { Rival } from "../rivals/rival.ts";
import { align, mebibytes } from "../table.ts";
import { CONNECTIONS, halfRate } from "./half.ts";
import { smallOrigin } from "./origins.ts";
import { startRival, voidBecause } from "./work.ts";
import type { Place, Result, Work } from "./work.ts";

const SAMPLE_MS = 10_000;

interface TimeRow {
  readonly name: string;
  readonly problem?: string;
  /** One per minute. */
  readonly minutes?: readonly Load[];
  /** Resident bytes, every ten seconds from the start on. */
  readonly resident?: readonly number[];
}

export const tenMinutes: Work = {
  name: "ten-minutes",
  about: "half load as in `half` for --minutes, one proxy after the other: memory, and the longest answers of each minute",
  rivals: [millrace, millraceLogging, nginx],
  quick: ["millrace"],
  missing: missingWrk,
  run: async (place, rivals) => {
    const origin = await smallOrigin(place);
    const rate = await halfRate(place, origin);
    const rows: TimeRow[] = [];
    for (const rival of rivals) rows.push(await rowOf(place, rival, origin, rate));
    return result(rows, rate);
  },
};

async function rowOf(place: Place, rival: Rival, origin: Started, rate: number): Promise<TimeRow> {
  const { name } = rival;
  process.stderr.write(`${name}: ${place.minutes} minutes\n`);
  const server = await startRival(place, rival, origin.port);
  if (typeof server === "string") return { name, problem: server };
  const resident = [memory(server.pid).resident];
  const end = new AbortController();
  const sampling = sample(server.pid, resident, end.signal);
  const settings = { rate, seconds: 60 * place.minutes, connections: CONNECTIONS, intervalSeconds: 60 };
  try {
    const minutes = await runFixedRate(place.processes, place.loadCore, server.port, settings);
    const problem = voidBy(minutes);
    return problem === null ? { name, minutes, resident } : { name, minutes, resident, problem };
  } catch (error) {
    return { name, resident, problem: voidBecause(place, error) };
  } finally {
    end.abort();
    await sampling;
    await place.processes.end(server.pid);
  }
}

/** Until it is told to stop, or there is no such process any more. */
async function sample(pid: number, into: number[], signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await delay(SAMPLE_MS, undefined, { signal });
      into.push(memory(pid).resident);
    }
  } catch {
    // Stopped; a proxy that ended is the load's to notice.
  }
}

function result(rows: readonly TimeRow[], rate: number): Result {
  const head = ["", "minute", "requests", "p50 ms", "p99 ms", "p99.9 ms", "longest ms", "RSS MiB at its end", "most"];
  const lines = rows.flatMap(({ name, minutes = [], resident = [], problem }) =>
    problem === undefined ? minutes.map((load, minute) => line(name, minute, load, resident)) : [[name, problem]],
  );
  const good = rows.filter(({ problem }) => problem === undefined);
  const each = (value: (row: TimeRow, minute: number) => number): { name: string; values: number[] }[] =>
    good.flatMap((row) => (row.minutes ?? []).map((_, minute) => ({ name: `${row.name}, ${minute + 1}`, values: [value(row, minute)] })));
  return {
    rows,
    text: `${align([head, ...lines])}\n\n${rate} requests/s; latencies count from the moment a request was due`,
    panels: [
      { title: "p99.9 of each minute, ms", parts: ["p99.9"], bars: each((row, minute) => row.minutes?.[minute]?.p999 ?? 0) },
      { title: "longest answer of each minute, ms", parts: ["longest"], bars: each((row, minute) => row.minutes?.[minute]?.longest ?? 0) },
      {
        title: "most resident memory of each minute, MiB",
        parts: ["MiB"],
        bars: each((row, minute) => Math.max(0, ...ofMinute(row.resident ?? [], minute)) / (1 << 20)),
      },
    ],
  };
}

function line(name: string, minute: number, { requests, p50, p99, p999, longest }: Load, resident: readonly number[]): string[] {
  const samples = ofMinute(resident, minute);
  const latencies = [p50, p99, p999, longest].map((each) => each.toFixed(2));
  return [name, String(minute + 1), String(requests), ...latencies, mebibytes(samples.at(-1) ?? 0), mebibytes(Math.max(0, ...samples))];
}

function ofMinute(resident: readonly number[], minute: number): readonly number[] {
  return resident.slice(minute * 6 + 1, minute * 6 + 7);
}
