/**
 * Runs the rows of one theme of the fault matrix, one after the other, against one proxy process and one origin. A proxy whose theme is
 * over takes up the next one by a reload, which costs a tenth of a start.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WITHOUT_RAW_ACCESS } from "../support/without-raw-access.ts";
import { NameService } from "../support/name-service.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import type { Scrape } from "../support/scrape.ts";
import { ScriptedOrigin } from "../support/scripted-origin.ts";
import { openBlackHole } from "./black-hole.ts";
import { checkRow } from "./check-row.ts";
import { LISTENERS } from "./row.ts";
import type { EndpointName, Row } from "./row.ts";

/** Longer than any row may take: a limit that is not the row's subject never ends it. */
const LONG = `${LISTENERS.patient}ms`;

/** Names in a configuration have 64 characters at most. */
const SLUG_MAX = 55;

export interface ThemeOptions {
  readonly workers?: number;
  /** The origin's port is a black hole on ::1. */
  readonly silentIpv6?: boolean;
  /** The proxy may not look at what is inside Node, and its sockets are Node's streams. */
  readonly throughStreams?: boolean;
}

/** What the rows of a theme share. */
export interface Stage {
  readonly proxy: Millrace;
  readonly ports: Readonly<Record<keyof typeof LISTENERS, number>>;
  readonly origin: ScriptedOrigin;
  readonly second: ScriptedOrigin;
  readonly workers: number;
  /** The scrape after the row before, with which the next row compares its own; null: that row failed, or there was none. */
  settled: Scrape | null;
}

interface SharedProxy {
  readonly proxy: Millrace;
  /** Proxies of the same kind differ in nothing that a reload cannot change. */
  readonly kind: string;
  isFree: boolean;
}

const proxies: SharedProxy[] = [];

/** What the names in `endpointUrls` lead to. All proxies use it, so that the theme of names needs none of its own. */
const names = await NameService.start({ "later.test": "SERVFAIL", "silent.test": "silence" });
names.hosts("::1 dual.test\n127.0.0.1 dual.test\n");
// A look-up that a row waits for must not end by itself.
names.resolvConf(`nameserver ${names.server}\noptions timeout:30`);

after(async () => {
  const codes = await Promise.all(proxies.map(({ proxy }) => proxy.stop()));
  names.close();
  for (const { proxy } of proxies) assertHealthy(proxy);
  assert.ok(
    codes.every((code) => code === 0),
    `proxies ended with ${codes.join(", ")}`,
  );
});

/** A proxy that no theme uses at the moment, with this configuration. */
async function proxyFor(config: string, workers: number, throughStreams: boolean): Promise<SharedProxy> {
  const kind = JSON.stringify([workers, throughStreams]);
  const free = proxies.find((each) => each.isFree && each.kind === kind);
  if (free === undefined) {
    const { environment } = names;
    if (throughStreams) environment["NODE_OPTIONS"] += ` ${WITHOUT_RAW_ACCESS}`;
    const started = { proxy: await startMillrace(config, environment), kind, isFree: false };
    proxies.push(started);
    return started;
  }
  free.isFree = false;
  const { proxy } = free;
  await proxy.reload(config);
  return free;
}

function assertHealthy(proxy: Millrace): void {
  assert.doesNotMatch(proxy.output(), /worker_exited|worker_not_replaced|middleware_failed|internal error|log_lines_dropped/);
}

export function theme(name: string, rows: readonly Row[], options: ThemeOptions = {}): void {
  const workers = options.workers ?? 1;
  describe(name, { concurrency: 1 }, () => {
    let stage: Stage | null = null;
    let shared: SharedProxy | null = null;
    const closers: (() => Promise<void>)[] = [];

    before(async () => {
      assert.equal(new Set(rows.map((row) => row.name)).size, rows.length, "two rows have one name");
      const [origin, second] = await Promise.all([ScriptedOrigin.start(), ScriptedOrigin.start()]);
      closers.push(
        () => origin.close(),
        () => second.close(),
      );
      let blackHolePort = 0;
      if (rows.some(({ endpoints }) => endpoints?.includes("black hole"))) {
        const blackHole = await openBlackHole();
        blackHolePort = blackHole.port;
        closers.push(() => blackHole.close());
      }
      if (options.silentIpv6 === true) {
        const blackHole = await openBlackHole("::1", origin.port);
        closers.push(() => blackHole.close());
      }
      const config = configOf(rows, endpointUrls(origin.port, second.port, blackHolePort), workers);
      shared = await proxyFor(config, workers, options.throughStreams === true);
      const { proxy } = shared;
      const [patient = 0, hasty = 0, steady = 0] = [...proxy.output().matchAll(/listening on http:\/\/127\.0\.0\.1:(\d+)/g)].map(
        ([, port]) => Number(port),
      );
      stage = { proxy, ports: { patient, hasty, steady }, origin, second, workers, settled: null };
    });

    after(async () => {
      for (const close of closers) await close();
      if (stage === null) return;
      assertHealthy(stage.proxy);
      if (shared !== null) shared.isFree = true;
    });

    for (const [index, row] of rows.entries()) {
      test(row.name, { timeout: 45_000, skip: row.skip ?? false }, async () => {
        assert.ok(stage !== null);
        await checkRow(stage, row, slug(row, index));
      });
    }
  });
}

/**
 * The theme for one worker and its raw sockets; for one on the streams of Node; and a few of its rows for two workers: of those that lead
 * to one endpoint, for threads begin their turns at different ones.
 */
export function themes(name: string, rows: readonly Row[], options: ThemeOptions = {}): void {
  const alike = rows.filter(({ endpoints = [], listener }) => endpoints.length < 2 && listener === undefined);
  const few = alike.filter((_, index) => index % 4 === 0);
  describe(name, { concurrency: true }, () => {
    theme("one worker", rows, options);
    theme("two workers", few, { ...options, workers: 2 });
    const inStreams = rows.filter(({ beyondStreams }) => beyondStreams !== true);
    theme("through the streams of Node", inStreams, { ...options, throughStreams: true });
  });
}

/** The row's name as the name of its route and the first segment of its paths. */
function slug(row: Row, index: number): string {
  const words = row.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${index + 1}-${words}`.slice(0, SLUG_MAX).replaceAll(/-+$/g, "");
}

function endpointUrls(origin: number, second: number, blackHole: number): Readonly<Record<EndpointName, string>> {
  return {
    origin: `http://127.0.0.1:${origin}`,
    second: `http://127.0.0.1:${second}`,
    // Ports that no system hands out, and on which nobody listens.
    refused: "http://127.0.0.1:1",
    "refused too": "http://127.0.0.1:2",
    "refused as well": "http://127.0.0.1:3",
    // No TCP connection can go there, and connect says so without sending a packet.
    unroutable: "http://255.255.255.255:80",
    "black hole": `http://127.0.0.1:${blackHole}`,
    "no name": "http://nothing.test:80",
    "name later": "http://later.test:80",
    "name never": "http://silent.test:80",
    dual: `http://dual.test:${origin}`,
  };
}

function configOf(rows: readonly Row[], urls: Readonly<Record<EndpointName, string>>, workers: number): string {
  const upstreams: string[] = [];
  const routes: string[] = [];
  /** The paths of plain requests, by the settings of their upstream. Rows share it, because each scrape has all series of every route. */
  const plain = new Map<string, string[]>();
  for (const [index, row] of rows.entries()) {
    const name = slug(row, index);
    const limits = new Map([
      ["connect", LONG],
      ["response_head", LONG],
      ["idle", LONG],
      ["tunnel_idle", LONG],
    ]);
    for (const [, key = "", value = ""] of (row.timeouts ?? "").matchAll(/(\w+): *(\w+)/g)) limits.set(key, value);
    const timeouts = [...limits].map(([key, value]) => `${key}: ${value}`).join(", ");
    const endpoints = row.endpoints ?? ["origin"];
    const list = (names: readonly EndpointName[]): string => names.map((name) => `"${urls[name]}"`).join(", ");
    const retries = row.retries === undefined ? "" : `, retries: ${row.retries}`;
    upstreams.push(`  ${name}: { endpoints: [${list(endpoints)}], timeouts: { ${timeouts} }${retries} }`);
    const maxBody = row.maxBody === undefined ? "" : `, max_body: ${row.maxBody}`;
    routes.push(`  - { name: ${name}, match: { path: /${name} }, upstream: ${name}${maxBody} }`);
    // What works of the row, with its limits: pools are shared between upstreams whose endpoint and limits are the same.
    const settings = `endpoints: [${list([endpoints.includes("dual") ? "dual" : "origin"])}], timeouts: { ${timeouts} }`;
    plain.set(settings, [...(plain.get(settings) ?? []), `/${name}/plain`]);
  }
  for (const [index, [settings, paths]] of [...plain].entries()) {
    upstreams.push(`  plain-${index}: { ${settings} }`);
    routes.push(`  - { name: plain-${index}, match: { path: [${paths.join(", ")}] }, upstream: plain-${index} }`);
  }
  const listeners = Object.values(LISTENERS).map(
    (ms) => `  - { address: "127.0.0.1:0", timeouts: { request_head: ${ms}ms, idle: ${ms}ms, keep_alive: ${ms}ms } }`,
  );
  return `
listeners:
${listeners.join("\n")}
admin: { address: "127.0.0.1:0" }
workers: ${workers}
upstreams:
${upstreams.join("\n")}
routes:
${routes.join("\n")}
logging: { level: info, access: true }
`;
}
