/**
 * `npm run bench`: Millrace beside other proxies, in one run, round by round in turn, so that whatever else the machine does meets all
 * of them. The proxy has one core, origin and load generator have another. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { missingWrk, runWrk } from "./load/wrk.ts";
import { cpuTime } from "./measure/cpu.ts";
import { allowedCores, machine } from "./measure/machine.ts";
import { round, row } from "./measure/round.ts";
import type { Round, Row } from "./measure/round.ts";
import { startOrigin } from "./origin.ts";
import { Processes, findProgram, freePort } from "./processes.ts";
import type { Started } from "./processes.ts";
import { caddy } from "./rivals/caddy.ts";
import { haproxy } from "./rivals/haproxy.ts";
import { httpProxy } from "./rivals/http-proxy.ts";
import { millrace, millraceAt, millraceLogging } from "./rivals/millrace.ts";
import { nginx } from "./rivals/nginx.ts";
import type { Rival } from "./rivals/rival.ts";
import { table } from "./table.ts";

const RIVALS: readonly Rival[] = [millrace, millraceLogging, nginx, haproxy, caddy, httpProxy];
const HELP = `npm run bench -- [--quick] [--rounds N] [--seconds N] [--only NAME,NAME] [--against REV] [--changing]

  --rounds N    rounds, each proxy once per round (5)
  --seconds N   length of a measurement (4)
  --quick       2 rounds of 3 s: under a minute
  --only        of ${RIVALS.map(({ name }) => JSON.stringify(name)).join(", ")}
  --against     another revision of Millrace beside this one, and nothing else: which is faster?
  --changing    request fields that differ from request to request
`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rivals: readonly Rival[];
  /** Request fields differ from request to request. */
  readonly changing: boolean;
}

const processes = new Processes();
const folder = mkdtempSync(path.join(tmpdir(), "millrace-bench-"));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(130));
  });
}
try {
  process.exitCode = await bench(readOptions());
} finally {
  await cleanUp();
}

async function bench(options: Options | null): Promise<number> {
  if (options === null) return 1;
  const missing = cannotRun();
  if (missing.length > 0) {
    console.error(missing.join("\n"));
    return 2;
  }
  const [proxyCore = 0, loadCore = 1] = allowedCores();
  const origin = await startOrigin(processes, loadCore, folder);
  const problems = new Map<string, string>();
  const started = new Map<Rival, Started>();
  for (const rival of options.rivals) {
    const found = await start(rival, origin.port, proxyCore);
    if (typeof found === "string") problems.set(rival.name, found);
    else started.set(rival, found);
  }
  // Once around before it counts: compilers, caches, connections.
  for (const { port } of started.values()) await runWrk(processes, loadCore, port, 2);
  const rounds = new Map<Rival, Round[]>(options.rivals.map((rival) => [rival, []]));
  for (let count = 1; count <= options.rounds; count++) {
    process.stderr.write(`round ${count} of ${options.rounds}\n`);
    // There and back: what warms up or wears off within a round must not always meet the same one.
    const order = count % 2 === 0 ? [...started].toReversed() : [...started];
    for (const [rival, server] of order) rounds.get(rival)?.push(await measure(server, loadCore, options));
  }
  const rows = options.rivals.map((rival): Row => {
    const problem = problems.get(rival.name);
    return problem === undefined ? row(rival.name, rounds.get(rival) ?? []) : { name: rival.name, rounds: [], problem };
  });
  console.log(`\n${table(rows, rows.some(({ name }) => name === nginx.name) ? nginx.name : (rows.at(-1)?.name ?? ""))}\n`);
  console.log(`medians of ${options.rounds} rounds of ${options.seconds} s; ${machine().processor}; written to ${save(rows, options)}`);
  return rows.some(({ name, median }) => name === millrace.name && median === undefined) ? 1 : 0;
}

async function start(rival: Rival, originPort: number, core: number): Promise<Started | string> {
  const missing = rival.missing();
  if (missing !== null) return `skipped: ${missing}`;
  const own = path.join(folder, rival.name.replaceAll(/[^a-z0-9]+/gi, "-"));
  mkdirSync(own);
  const port = await freePort();
  try {
    return await processes.serve(rival.prepare({ port, originPort, folder: own }), core, port);
  } catch (error) {
    console.error(`${rival.name}: ${error instanceof Error ? error.message : String(error)}`);
    return "did not start, see above";
  }
}

async function measure({ pid, port }: Started, loadCore: number, { seconds, changing }: Options): Promise<Round> {
  const before = cpuTime(pid);
  const began = performance.now();
  const load = await runWrk(processes, loadCore, port, seconds, changing);
  return round(load, before, cpuTime(pid), performance.now() - began);
}

/** What nothing can be measured without. */
function cannotRun(): string[] {
  const missing = [missingWrk(), nginx.missing() === null ? null : "the origin is nginx: apt-get install nginx"];
  if (findProgram("taskset") === null) missing.push("taskset is not installed: apt-get install util-linux");
  if (process.platform === "linux" && allowedCores().length < 2) missing.push("two processor cores are needed, one for the proxy alone");
  if (process.platform !== "linux") missing.push("processor time is read from /proc: Linux only");
  return missing.filter((each) => each !== null);
}

function save(rows: readonly Row[], { rounds, seconds, changing }: Options): string {
  const results = fileURLToPath(new URL("./results", import.meta.url));
  mkdirSync(results, { recursive: true });
  const measuredAt = new Date().toISOString();
  const file = path.join(results, `${measuredAt.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ measuredAt, machine: machine(), rounds, seconds, changing, rows }, null, 2)}\n`);
  return path.relative(process.cwd(), file);
}

/** null: help was asked for, or the arguments are wrong, and that was said. */
function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        only: { type: "string" },
        against: { type: "string" },
        changing: { type: "boolean" },
      },
    });
    const rounds = Number(values.rounds ?? (values.quick === true ? 2 : 5));
    const seconds = Number(values.seconds ?? (values.quick === true ? 3 : 4));
    const names = values.only?.split(",") ?? RIVALS.map(({ name }) => name);
    const { against, changing = false } = values;
    const rivals = against === undefined ? RIVALS.filter(({ name }) => names.includes(name)) : [millrace, millraceAt(against)];
    const known = against !== undefined || rivals.length === names.length;
    if (known && Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seconds) && seconds > 0) {
      return { rounds, seconds, rivals, changing };
    }
  } catch {
    // An unknown option: the help says which there are.
  }
  console.error(HELP);
  return null;
}

async function cleanUp(): Promise<void> {
  await processes.endAll();
  rmSync(folder, { recursive: true, force: true });
}
