/**
 * The check that every row of the fault matrix passes: the answer at the client, the access log, the counters, both sockets, the time,
 * and that the next request is served as if nothing had happened.
 */
import assert from "node:assert/strict";
import { askOn, get } from "../support/raw-client.ts";
import { ScriptedClient } from "../support/scripted-client.ts";
import type { Verdict } from "../support/scripted-client.ts";
import type { Steps } from "../support/scripted-origin.ts";
import { Scrape } from "../support/scrape.ts";
import { WATCHED } from "./row.ts";
import type { Count, Expectation, LogLine, Row, Scene } from "./row.ts";
import type { Stage } from "./stage.ts";

/**
 * What must come of a fault comes within this time after the event that decides, unless the row says otherwise. A busy machine may need
 * more than a second; the next longer limit of the proxy, for a connection that lingers, is two.
 */
const WITHIN_MS = 1800;
/** Longest that a row waits for what its script needs. */
const PATIENCE_MS = 10_000;
/** What must be back at zero after a row. */
const GAUGES = ["exchanges_in_flight", "connections_open", "upstream_connections_open", "tunnels_open"];
/** Deadlines of the data plane come due on a tick, and count from the read before it. */
const EARLY_MS = 50;

export async function checkRow(stage: Stage, row: Row, path: string): Promise<void> {
  const { proxy, origin, second } = stage;
  const { expect } = row;
  const before = stage.settled ?? (await Scrape.of(proxy.adminPort));
  stage.settled = null;
  const linesBefore = proxy.access().length;
  const clock = new Clock(expect);
  const client = ScriptedClient.on(await stage.connect(row.listener ?? "patient"), clock.step);
  const scene = sceneOf(stage, client, path, clock);
  const play = row.origin ?? answerOk;
  origin.play({ ...(row.onAccept && { onAccept: row.onAccept }), onHead: (request) => play(request, scene) }, clock.step);
  second.play({ onHead: answerOk }, clock.step);
  try {
    if (row.warm === true) assert.equal(statusOf(await client.again(get(`/${path}/plain`))), 200, "the request before");
    client.begin();
    const acting = Promise.resolve(row.client === undefined ? client.send(scene.get()) : row.client(scene));
    acting.catch(() => {});
    if (expect.answer !== "unseen") {
      const verdict = await Promise.race([client.verdict(row.toHead), acting.then(() => client.verdict(row.toHead))]);
      clock.check("the answer", performance.now());
      checkAnswer(verdict, expect, stage.isEmbedded);
    }
    await acting;
    await row.also?.(scene);
    await checkLog(stage, expect.log, path, linesBefore, clock);
    await checkOrigin(stage, row, clock);
    await checkClient(row, client, clock, path);
    await checkReleased(stage, row);
    client.raw.destroy();
    await checkNext(stage, row, path);
    await Promise.all([origin.played(), second.played()]);
  } finally {
    client.raw.destroy();
    origin.hangUp();
    second.hangUp();
  }
  const settled = await settledScrape(stage, before, row.mirror === undefined ? 0 : 1);
  checkCounters(before, settled, row, await checkLines(stage, row, path, linesBefore));
  stage.settled = settled;
}

/** When the deciding event was: the last step of either side, unless the row says so itself. */
class Clock {
  private begunAt: number = performance.now();
  private doneAt: number = performance.now();
  private fixed: boolean = false;
  private readonly limitMs: number;
  private readonly withinMs: number;

  constructor({ limitMs = 0, withinMs = WITHIN_MS }: Row["expect"]) {
    this.limitMs = limitMs;
    this.withinMs = withinMs;
  }

  readonly step: Steps = (edge) => {
    if (this.fixed) return;
    this.doneAt = performance.now();
    if (edge === "begun") this.begunAt = this.doneAt;
  };

  decide(): void {
    this.step("begun");
    this.fixed = true;
  }

  check(what: string, at: number): void {
    // From here on no step counts: they are the check's own.
    this.fixed = true;
    const late = at - this.doneAt - this.limitMs;
    const early = this.limitMs - (at - this.begunAt);
    assert.ok(late <= this.withinMs, `${what} came ${late.toFixed(0)} ms after the deciding event`);
    assert.ok(early <= EARLY_MS, `${what} came ${early.toFixed(0)} ms before the limit of ${this.limitMs} ms`);
  }
}

function sceneOf(stage: Stage, client: ScriptedClient, path: string, clock: Clock): Scene {
  const { origin, second } = stage;
  return {
    client,
    pid: stage.proxy.pid,
    origin,
    second,
    gauge: async (name, value) => {
      const read = (scrape: Scrape): number =>
        name === "in_flight_at_endpoints" ? scrape.sum("millrace_endpoint_in_flight") : scrape.single(name);
      await Scrape.until(stage.proxy.adminPort, (scrape) => read(scrape) === value, `${name} at ${value}`, PATIENCE_MS);
    },
    path: `/${path}`,
    get: (fields) => get(`/${path}`, fields),
    head: (method, fields, version = "HTTP/1.1") =>
      `${method} /${path} ${version}\r\nHost: a.test\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`,
    decide: () => clock.decide(),
    reached: async () => {
      await origin.until(({ requests }) => requests.length > 0, "the request");
      const [first] = origin.requests;
      assert.ok(first !== undefined);
      return first.connection;
    },
  };
}

function answerOk(request: { readonly connection: { send(text: string): Promise<void> } }): Promise<void> {
  return request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

function checkAnswer(verdict: Verdict, { answer: expected, client }: Expectation, isEmbedded: boolean): void {
  const seen = textOf(verdict);
  if (typeof expected === "string") return assert.equal(verdict.kind, expected, seen);
  assert.notEqual(verdict.kind, "nothing", `the connection ended without the answer ${JSON.stringify(expected)}`);
  if (verdict.kind === "nothing") return;
  const { response } = verdict;
  assert.equal(response.status, expected.status, seen);
  const proxyStatus = response.fields.get("proxy-status");
  if ("cut" in expected) {
    assert.equal(verdict.kind, "cut", `it must not look complete: ${seen}`);
    return assert.ok(response.body.includes(expected.cut), seen);
  }
  assert.equal(verdict.kind, "answer", `it was cut: ${seen}`);
  assert.deepEqual(proxyStatus, expected.error === undefined ? undefined : [`millrace; error=${expected.error}`], seen);
  if (typeof expected.body === "string") assert.equal(response.body, expected.body);
  else if (expected.body !== undefined) assert.match(response.body, expected.body);
  if (expected.interim !== undefined && verdict.kind === "answer") assert.deepEqual(verdict.interim, expected.interim);
  // RFC 9112 section 9.6: who closes says so.
  if ((client === "closed" || client === "lingers") && response.status !== 101)
    assert.deepEqual(response.fields.get("connection"), ["close"], seen);
  // Node says it though it is the default.
  if (client === "open") assert.deepEqual(response.fields.get("connection"), isEmbedded ? ["keep-alive"] : undefined, seen);
}

function textOf(verdict: Verdict): string {
  const short = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries(value);
    return typeof value === "string" ? value.slice(0, 1000) : value;
  };
  return JSON.stringify(verdict, short).slice(0, 1500);
}

async function checkLog(stage: Stage, expected: LogLine | null, path: string, linesBefore: number, clock: Clock): Promise<void> {
  if (expected === null) return;
  await stage.proxy.until(() => newLines(stage, path, linesBefore).length >= (expected.lines ?? 1), "the access log's line");
  clock.check("the log line", performance.now());
  for (const line of newLines(stage, path, linesBefore)) checkLine(line, expected);
}

function checkLine(line: Readonly<Record<string, unknown>>, expected: LogLine): void {
  const { attempts = 1 } = expected;
  const said = JSON.stringify(line);
  assert.equal(line["status"], expected.status, said);
  if (typeof expected.outcome === "string") assert.equal(line["outcome"], expected.outcome, said);
  else assert.match(String(line["outcome"]), expected.outcome, said);
  assert.ok(within(Number(line["attempts"]), attempts), `attempts: ${said}`);
  assert.equal(line["endpoint"] !== "", attempts !== 0, said);
  assert.equal(line["client"], "127.0.0.1", said);
}

/** One line per exchange and no more, once the lines of the check's own requests are there too. The status of every line. */
async function checkLines(stage: Stage, row: Row, path: string, before: number): Promise<number[]> {
  const { proxy, origin, second } = stage;
  const plain = (): Record<string, unknown>[] =>
    proxy
      .access()
      .slice(before)
      .filter((line) => line["path"] === `/${path}/plain`);
  await proxy.until(() => plain().length >= origin.plain.length + second.plain.length, "the log lines of the plain requests");
  const lines = newLines(stage, path, before);
  assert.equal(lines.length, row.expect.log === null ? 0 : (row.expect.log.lines ?? 1), `one line per exchange: ${JSON.stringify(lines)}`);
  return [...lines, ...plain()].map((line) => Number(line["status"]));
}

/** Lines of the access log since then for the row's own request; one that was refused before its path was known counts too. */
function newLines(stage: Stage, path: string, before: number): Record<string, unknown>[] {
  return stage.proxy
    .access()
    .slice(before)
    .filter((line) => line["path"] === `/${path}` || line["path"] === "");
}

async function checkOrigin(stage: Stage, row: Row, clock: Clock): Promise<void> {
  const [first] = stage.origin.requests;
  const connection = first?.connection ?? stage.origin.connections[0];
  if (row.expect.origin === "unreached") return assert.equal(stage.origin.requests.length, 0, "the origin got the request");
  assert.ok(connection !== undefined, "the origin was not reached");
  if (row.expect.origin === "reused") return assert.ok(!connection.closed, "the connection to the origin was closed");
  connection.readOn();
  await connection.until((each) => each.closed || each.ended, "the end of its connection");
  if (!connection.closed) connection.socket.destroy();
  clock.check("the end of the connection to the origin", performance.now());
}

async function checkClient(row: Row, client: ScriptedClient, clock: Clock, path: string): Promise<void> {
  switch (row.expect.client) {
    case "left":
      return;
    case "open": {
      const verdict = await client.again(get(`/${path}/plain`));
      assert.equal(statusOf(verdict), 200, "the next request on the client's connection");
      return;
    }
    case "lingers":
      assert.ok(!client.over, "the connection was ended before the client did");
      client.raw.socket.end();
      await client.until((each) => each.over, "the end of the client's connection");
      return;
    case "closed":
      await client.until((each) => each.over, "the end of the client's connection");
      clock.check("the end of the client's connection", performance.now() - (row.expect.lingersMs ?? 0));
  }
}

async function checkReleased(stage: Stage, row: Row): Promise<void> {
  const { releasedWithinMs } = row.expect;
  if (releasedWithinMs === undefined) return;
  const isReleased = (scrape: Scrape): boolean => scrape.single("connections_open") === 0;
  await Scrape.until(stage.proxy.adminPort, isReleased, "the end of the client's connection", releasedWithinMs + WITHIN_MS);
}

/** The proxy, the origin and the row's route are as good as new. */
async function checkNext(stage: Stage, row: Row, path: string): Promise<void> {
  const { origin } = stage;
  const next = await askOn(await stage.connect("patient"), get(`/${path}/plain`));
  assert.equal(next.status, 200, "the next request");
  assert.equal(next.body, "ok", "the next request gets its own answer");
  const [first] = origin.requests;
  // Another worker has pools of its own; what the client's own connection asked went to the same one.
  if (row.expect.origin === "reused" && (stage.workers === 1 || row.expect.client === "open")) {
    assert.ok(first !== undefined && origin.plain.includes(first.connection), "the connection to the origin is not used again");
  }
}

/**
 * The scrape once nothing of the row is open any more (a row before that failed may have left something).
 * @param copies how many copies of the row's requests there are. Their connections are opened after the requests' own, at a tick of the clock.
 */
async function settledScrape(stage: Stage, before: Scrape, copies: number): Promise<Scrape> {
  const copied = (scrape: Scrape): number => scrape.single("requests_mirrored") + scrape.single("mirrors_dropped");
  const left = (scrape: Scrape): (readonly [name: string, more: number])[] => [
    ["copies", copied(before) + copies - copied(scrape)],
    ...GAUGES.map((name) => [name, scrape.single(name) - before.single(name)] as const),
    ["endpoint_in_flight", scrape.sum("millrace_endpoint_in_flight") - before.sum("millrace_endpoint_in_flight")],
  ];
  const isSettled = (scrape: Scrape): boolean => left(scrape).every(([, more]) => more <= 0);
  return Scrape.until(stage.proxy.adminPort, isSettled, (scrape) => `an end of ${JSON.stringify(left(scrape))}`, WITHIN_MS);
}

function checkCounters(before: Scrape, now: Scrape, row: Row, logged: readonly number[]): void {
  const { counters = {} } = row.expect;
  for (const name of WATCHED) {
    const moved = now.single(name) - before.single(name);
    const expected = counters[name] ?? 0;
    assert.ok(within(moved, expected), `${name} moved by ${moved}, expected ${JSON.stringify(expected)}`);
  }
  for (const statusClass of [1, 2, 3, 4, 5]) {
    const counted = (scrape: Scrape): number => scrape.sum("millrace_requests_total", `class="${statusClass}xx"`);
    const expected = logged.filter((status) => Math.floor(status / 100) === statusClass).length;
    assert.equal(counted(now) - counted(before), expected, `requests_total of ${statusClass}xx, one per line of the log`);
  }
}

function within(count: number, expected: Count): boolean {
  return typeof expected === "number" ? count === expected : count >= expected[0] && count <= expected[1];
}

function statusOf(verdict: Verdict): number {
  return verdict.kind === "nothing" ? 0 : verdict.response.status;
}
