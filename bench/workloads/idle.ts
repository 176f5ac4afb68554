/** What a waiting client costs: resident memory before and after 10,000 connections that were used once and kept. */
import { filesFor, mostIdle, openIdle, tooFewFiles } from "../load/idle.ts";
import { missingWrk, runWrk } from "../load/wrk.ts";
import { residentMemory } from "../measure/memory.ts";
import { median } from "../measure/round.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxyAs } from "../rivals/haproxy.ts";
import { millrace } from "../rivals/millrace.ts";
import { nginxAs } from "../rivals/nginx.ts";
import { onNode } from "../rivals/on-node.ts";
import type { Rival } from "../rivals/rival.ts";
import { align, mebibytes } from "../table.ts";
import { smallOrigin } from "./origins.ts";
import { startRival, voidBecause } from "./work.ts";
import type { Place, Result, Work } from "./work.ts";

const WANTED = 10_000;
/** As many of them as the machine allows. */
const CONNECTIONS = mostIdle(WANTED);
/** Whatever a proxy does once the connections stand, such as collecting garbage, it has this long for. */
const SETTLE_SECONDS = 2;

/** Resident bytes. */
interface Measured {
  readonly before: number;
  readonly after: number;
  /** Per connection. */
  readonly each: number;
}

interface IdleRow {
  readonly name: string;
  readonly rounds: readonly Measured[];
  readonly median?: Measured;
  readonly problem?: string;
}

export const idle: Work = {
  name: "idle",
  about: `${CONNECTIONS} client connections that had one answer and wait: resident memory of each`,
  rivals: [
    millrace,
    nginxAs("nginx", () => ({ connections: CONNECTIONS + 1000 })),
    // Without the second line it wants twice as many open files as connections, though the connections to the origin are few.
    haproxyAs("haproxy", () => ({ connections: CONNECTIONS + 100, global: "no strict-limits" })),
    caddy,
    ...onNode.filter(({ name }) => name === "http-proxy"),
  ],
  missing: () => missingWrk() ?? tooFewFiles(),
  run: async (place, rivals) => {
    const origin = await smallOrigin(place);
    const rows: IdleRow[] = [];
    for (const rival of rivals) rows.push(await rowOf(place, rival, origin.port));
    return result(rows, place.rounds);
  },
};

/** Each round has a process of its own: memory that was once taken is not always given back. */
async function rowOf(place: Place, rival: Rival, originPort: number): Promise<IdleRow> {
  const rounds: Measured[] = [];
  const { name } = rival;
  for (let round = 1; round <= place.rounds; round++) {
    process.stderr.write(`${name}: round ${round} of ${place.rounds}\n`);
    const server = await startRival(place, rival, originPort);
    if (typeof server === "string") return { name, rounds, problem: server };
    try {
      rounds.push(await measure(place, server.port, server.pid));
    } catch (error) {
      return { name, rounds, problem: await voidBecause(place, error, server) };
    } finally {
      await place.processes.end(server.pid);
    }
  }
  const of = (key: keyof Measured): number => median(rounds.map((each) => each[key]));
  const middle = { before: of("before"), after: of("after"), each: of("each") };
  return { name, rounds, median: middle };
}

async function measure(place: Place, port: number, pid: number): Promise<Measured> {
  await runWrk(place, port, { seconds: place.seconds });
  const before = residentMemory(pid);
  const clients = await openIdle(place, port, CONNECTIONS);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_SECONDS * 1000));
  const after = residentMemory(pid);
  await place.processes.end(clients);
  return { before, after, each: (after - before) / CONNECTIONS };
}

function result(rows: readonly IdleRow[], rounds: number): Result {
  const head = ["", "before MiB", "after MiB", "bytes each"];
  const lines = rows.map(({ name, median, problem }) =>
    median === undefined ? [name, problem ?? ""] : [name, mebibytes(median.before), mebibytes(median.after), median.each.toFixed(0)],
  );
  const fewer = CONNECTIONS < WANTED ? `; ${WANTED} need ${filesFor(WANTED)} open files (ulimit -n)` : "";
  const said = `${CONNECTIONS} connections${fewer}; medians of ${rounds} rounds, each with a new process; what the kernel holds for the sockets is not in it`;
  const bars = rows.flatMap(({ name, median }) => (median === undefined ? [] : [{ name, values: [median.each] }]));
  return {
    rows,
    text: `${align([head, ...lines])}\n\n${said}`,
    panels: [{ title: "resident bytes per idle connection", parts: ["bytes"], bars }],
  };
}
