/** The soak: starts origin and proxy, warms up, measures, loads, waits until all is quiet, measures again and compares. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { TestAuthority } from "../support/certificates.ts";
import { checkLog, hasBadWord } from "./access-log.ts";
import type { LogCount } from "./access-log.ts";
import { Books } from "./books.ts";
import { compareReadings } from "./compare-readings.ts";
import { DOOR_NAME } from "./door.ts";
import { Load } from "./load.ts";
import type { FromOrigin, OriginUrls, ReportRequest } from "./origin-process.ts";
import type { OriginReport } from "./origin-tally.ts";
import { ProxyProcess } from "./proxy-process.ts";
import type { ProxyReading } from "./proxy-process.ts";
import { settle } from "./settle.ts";

export interface SoakOptions {
  readonly exchanges: number;
  readonly tunnels: number;
  readonly workers: number;
  readonly seed: number;
  readonly concurrency: number;
  /** Exchanges before the first measurement. */
  readonly warmUp: number;
  /** Measures after each of so many equal parts of the load. */
  readonly parts: number;
  /** A part of the load ends after this many milliseconds, and that is a violation. */
  readonly limitMs: number;
  /** How long to wait at the end for memory to go back to the system; 0: not at all. */
  readonly restMs: number;
  /** Whether the clients speak TLS. */
  readonly overTls: boolean;
  /** Draw this kind alone. */
  readonly only?: string | undefined;
  /** Called every few seconds with a line of progress. */
  readonly onProgress: (line: string) => void;
}

export interface SoakReport {
  readonly books: Books;
  readonly before: ProxyReading;
  readonly after: ProxyReading;
  readonly log: LogCount;
  readonly origin: OriginReport;
  readonly loadMs: number;
  /** Resident memory after the rest. */
  readonly restedRssBytes: number;
}

/** Peers that do nothing at all do it for longer; see UNREAD_MS of both sides. */
const LIMIT_MS_MAX = 4000;
const REST_STEP_MS = 3000;
const ORIGIN_QUIET_MS_MAX = 20_000;
const ORIGIN_ANSWER_MS_MAX = ORIGIN_QUIET_MS_MAX + 10_000;

/** The name that the certificate of the origins is for: they are known by their address. */
const ORIGIN_NAME = "127.0.0.1";

const ORIGIN = fileURLToPath(new URL("./origin-process.ts", import.meta.url));

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-soak-"));
  const authority = await TestAuthority.create();
  const caFile = path.join(folder, "authority.pem");
  await writeFile(caFile, authority.certificate);
  const own = await pairOf(authority, ORIGIN_NAME, folder);
  const origin = fork(ORIGIN, [own.certFile, own.keyFile]);
  let proxy: ProxyProcess | null = null;
  try {
    const { urls } = await said(origin, "listening");
    const door = options.overTls ? await pairOf(authority, DOOR_NAME, folder) : null;
    const config = configuration(urls, options.concurrency, caFile, door);
    proxy = await ProxyProcess.start(folder, config, options.workers, options.overTls ? authority.certificate : null);
    return await run(options, proxy, origin);
  } finally {
    await proxy?.stop();
    origin.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(options: SoakOptions, proxy: ProxyProcess, origin: ChildProcess): Promise<SoakReport> {
  const books = new Books();
  const load = new Load(options, proxy, books);
  await load.run(options.warmUp, Math.ceil(options.tunnels * (options.warmUp / Math.max(1, options.exchanges))));
  await settle(proxy, books);
  // The first look loads code of its own.
  await proxy.measure();
  const before = await proxy.measure();
  options.onProgress(`warm after ${books.exchanges} exchanges`);
  const readings = [before];
  let loadMs = 0;
  for (let part = 0; part < options.parts; part++) {
    const startedAt = performance.now();
    await load.run(share(options.exchanges, part, options.parts), share(options.tunnels, part, options.parts));
    loadMs += performance.now() - startedAt;
    await settle(proxy, books);
    const reading = await proxy.measure();
    // With all before: a heap that shrinks once, when V8 drops code, does not hide what grows.
    for (const earlier of readings) for (const problem of compareReadings(earlier, reading)) books.violation(problem);
    readings.push(reading);
  }
  const after = readings.at(-1) ?? before;
  const restedRssBytes = await rest(proxy, before.rssBytes, options.restMs);

  const report = await quietOrigin(origin);
  for (const problem of report.violations) books.violation(`at the origin: ${problem}`);
  if (report.connectionsOpen > 0) books.violation(`${report.connectionsOpen} connections are left open at the origin`);
  const metrics = await proxy.metrics();
  const code = await proxy.stop();
  if (code !== 0) books.violation(`the proxy ended with ${code}`);
  if (hasBadWord(proxy.printed())) books.violation(`the proxy printed: ${proxy.printed().slice(0, 2000)}`);
  const log = await checkLog(proxy.logFile, books);

  const counted = metrics.sum("millrace_requests_total");
  if (counted !== log.lines) books.violation(`${counted} requests counted, ${log.lines} access log lines`);
  if (counted < log.certain || counted > log.certain + log.possible)
    books.violation(`${counted} requests counted, the clients know of ${log.certain} and perhaps ${log.possible} more`);
  const tunnels = metrics.sum("millrace_tunnels_opened_total");
  if (tunnels < books.tunnelsOpened || tunnels > report.tunnels)
    books.violation(`${tunnels} tunnels counted, ${books.tunnelsOpened} seen by clients, ${report.tunnels} by the origin`);
  for (const name of ["millrace_worker_restarts_total", "millrace_access_log_dropped_lines_total", "millrace_log_dropped_lines_total"]) {
    if (metrics.sum(name) !== 0) books.violation(`${name} is ${metrics.sum(name)}`);
  }
  return { books, before, after, log, origin: report, loadMs, restedRssBytes };
}

/** Waits until resident memory is what it was: V8 gives free pages back to the system some collections and seconds later. */
async function rest(proxy: ProxyProcess, wantedBytes: number, limitMs: number): Promise<number> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const bytes = await proxy.rssBytes();
    if (bytes <= wantedBytes || performance.now() > deadline) return bytes;
    await new Promise((resolve) => setTimeout(resolve, REST_STEP_MS));
    await proxy.measure();
  }
}

/** Of a whole divided into parts that differ by one at most. */
function share(whole: number, part: number, parts: number): number {
  return Math.floor((whole * (part + 1)) / parts) - Math.floor((whole * part) / parts);
}

/** Limits are short, so that stalls of both sides meet them, and long beside what so many clients hold each other up. */
function configuration(urls: OriginUrls, concurrency: number, caFile: string, door: Pair | null): string {
  const tls =
    door === null
      ? ""
      : `, tls: { certificates: [{ cert_file: ${JSON.stringify(door.certFile)}, key_file: ${JSON.stringify(door.keyFile)} }] }`;
  const limit = `${Math.min(LIMIT_MS_MAX, 2000 + 20 * concurrency)}ms`;
  // Nobody listens on port 1.
  const all = { ...urls, refused: ["http://127.0.0.1:1"] };
  const upstreams = Object.entries(all).map(
    ([name, endpoints]) =>
      `  ${name}: { endpoints: ${JSON.stringify(endpoints)}, tls: { ca_file: ${JSON.stringify(caFile)} }, ` +
      `timeouts: { connect: 5s, response_head: ${limit}, idle: ${limit}, tunnel_idle: 10s }, keep_alive: { idle: 2s } }\n`,
  );
  return (
    `listeners: [{ address: "127.0.0.1:0", timeouts: { request_head: ${limit}, idle: ${limit}, keep_alive: 6s }${tls} }]\nupstreams:\n` +
    upstreams.join("") +
    `routes:\n${Object.keys(all)
      .map((name) => `  - { match: { path: "/${name}/*" }, upstream: ${name} }\n`)
      .join("")}`
  );
}

/** Paths of a certificate and its key. */
interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

async function pairOf(authority: TestAuthority, name: string, folder: string): Promise<Pair> {
  const { chain, key } = await authority.issue([name]);
  const [certFile, keyFile] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
  await writeFile(certFile, chain);
  await writeFile(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile };
}

/** What the origin has seen, once its connections have gone, or when it is time that they had. */
async function quietOrigin(origin: ChildProcess): Promise<OriginReport> {
  const request: ReportRequest = { quietWithinMs: ORIGIN_QUIET_MS_MAX };
  origin.send(request);
  return (await said(origin, "report")).report;
}

async function said<T extends FromOrigin["type"]>(origin: ChildProcess, type: T): Promise<Extract<FromOrigin, { readonly type: T }>> {
  for (;;) {
    const [message]: unknown[] = await once(origin, "message", { signal: AbortSignal.timeout(ORIGIN_ANSWER_MS_MAX) });
    const heard = message as FromOrigin;
    if (heard.type === type) return heard as Extract<FromOrigin, { readonly type: T }>;
  }
}
