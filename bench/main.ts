/**
 * `npm run bench`: compares Millrace with other proxies. All are measured in turn in each round of one run, so that whatever else the machine does
 * meets all of them. The proxy has one core; origin and load generator share another. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chart } from "./chart.ts";
import { keepAwake } from "./measure/awake.ts";
import { allowedCores, machine } from "./measure/machine.ts";
import { help, readOptions } from "./options.ts";
import type { Chosen, Options } from "./options.ts";
import type { Rival } from "./rivals/rival.ts";
import { Processes, missingProgram } from "./processes.ts";
import { makeCertificate } from "./rivals/certificate.ts";
import { ownRevision, unknownRevision } from "./rivals/millrace.ts";
import { body100k, body10m } from "./workloads/bodies.ts";
import { connections } from "./workloads/connections.ts";
import { features } from "./workloads/features.ts";
import { half } from "./workloads/half.ts";
import { idle } from "./workloads/idle.ts";
import { rewrites } from "./workloads/rewrites.ts";
import { endpoints1k, keys1m, routes10k, workers2 } from "./workloads/scale.ts";
import { small } from "./workloads/small.ts";
import { tenMinutes } from "./workloads/ten-minutes.ts";
import { tlsBody100k, tlsBody10m, tlsConnections, tlsHandshakes, tlsIdle, tlsResumed, tlsSmall, tlsUpload1m } from "./workloads/tls.ts";
import { upload1m, upload1mChunked } from "./workloads/uploads.ts";
import type { Result, Work } from "./workloads/work.ts";

/** All workloads. The first one runs if none is named. */
const WORKS: readonly Work[] = [
  small,
  features,
  rewrites,
  half,
  body100k,
  body10m,
  upload1m,
  upload1mChunked,
  connections,
  idle,
  routes10k,
  endpoints1k,
  keys1m,
  workers2,
  tenMinutes,
  tlsSmall,
  tlsBody100k,
  tlsBody10m,
  tlsUpload1m,
  tlsHandshakes,
  tlsResumed,
  tlsConnections,
  tlsIdle,
];

const processes = new Processes();
const folder = mkdtempSync(path.join(tmpdir(), "millrace-bench-"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // A second signal does not interrupt the orderly end.
  process.on(signal, () => {
    void cleanUp().finally(() => process.exit(130));
  });
}
try {
  process.exitCode = await bench(readOptions(process.argv.slice(2), WORKS));
} finally {
  await cleanUp();
}

async function bench(options: Options | string | null): Promise<number> {
  if (options === null) {
    console.log(help(WORKS));
    return 0;
  }
  if (typeof options === "string") {
    console.error(`${options}\n\n${help(WORKS)}`);
    return 1;
  }
  const unknown = options.against === null ? null : unknownRevision(options.against);
  if (unknown !== null) {
    console.error(unknown);
    return 1;
  }
  const missing = cannotRun();
  if (options.awake && !keepAwake()) missing.push("processors cannot be kept awake: it takes root, and a Linux that lets it");
  if (options.realtime && !processes.beRealtime()) missing.push("processes cannot have real-time priority: it takes root");
  if (missing.length > 0) {
    console.error(missing.join("\n"));
    return 2;
  }
  let worst = 0;
  for (const { work, rivals } of options.chosen) worst = Math.max(worst, await runOne({ work, rivals }, options));
  return worst;
}

async function runOne({ work, rivals }: Chosen, options: Options): Promise<number> {
  console.log(`\n${work.name}: ${work.about}\n`);
  const missing = work.missing();
  if (missing !== null) {
    console.log(`skipped: ${missing}`);
    return 2;
  }
  const own = path.join(folder, work.name);
  mkdirSync(own);
  const certificate = work.overTls === true ? makeCertificate(own) : null;
  const [proxyCore = 0, loadCore = 1] = allowedCores();
  const result = await work.run({ ...options, processes, folder: own, certificate, proxyCore, loadCore }, rivals);
  await processes.endRunning();
  const state = `${options.awake ? " kept awake" : ""}${options.realtime ? ", real-time priority" : ""}`;
  const { processor, congestionControl } = machine();
  console.log(`\n${result.text}\n${processor}, ${congestionControl}${state}; written to ${save(work, rivals, result, options)}`);
  return rivals.some(({ name, at }) => at !== undefined && result.rows.some((row) => row.name === name && row.problem !== undefined))
    ? 1
    : 0;
}

/** Why nothing can be measured on this machine, one sentence for each reason. */
function cannotRun(): string[] {
  if (process.platform !== "linux") return ["processor time is read from /proc: Linux only"];
  const missing = [missingProgram("nginx"), missingProgram("taskset", "util-linux"), missingProgram("chrt", "util-linux")];
  if (/[\s"'\\;{}]/.test(folder)) missing.push(`the rivals' configuration files cannot name ${folder}: set TMPDIR to a plain path`);
  if (allowedCores().length < 2) missing.push("two processor cores are needed, one for the proxy alone");
  return missing.filter((each) => each !== null);
}

/** Writes a JSON file with every round, and the chart beside it. */
function save(work: Work, rivals: readonly Rival[], { rows, panels }: Result, options: Options): string {
  const { rounds, seconds, minutes, changing, awake, realtime } = options;
  const results = fileURLToPath(new URL("./results", import.meta.url));
  mkdirSync(results, { recursive: true });
  const measuredAt = new Date().toISOString();
  const file = path.join(results, `${measuredAt.replaceAll(/[:.]/g, "-")}-${work.name}`);
  const { name, about } = work;
  const text = JSON.stringify(
    {
      work: name,
      about,
      measuredAt,
      revision: ownRevision(),
      versions: Object.fromEntries(rivals.filter(({ missing }) => missing() === null).map(({ name, version }) => [name, version()])),
      machine: machine(),
      rounds,
      seconds,
      minutes,
      changing,
      awake,
      realtime,
      rows,
    },
    null,
    2,
  );
  writeFileSync(`${file}.json`, `${text}\n`);
  writeFileSync(`${file}.svg`, chart(`${name}: ${about}`, panels));
  return `${path.relative(process.cwd(), file)}.json and .svg`;
}

async function cleanUp(): Promise<void> {
  await processes.endAll();
  rmSync(folder, { recursive: true, force: true });
}
