/** A middleware that blocks its worker's event loop: the worker is ended and replaced, and the log names the middleware. */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { loadConfigFile } from "../../src/cli/config-file.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import { WorkerThreads } from "../../src/control/workers/worker-threads.ts";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { monotonicMs } from "../../src/net/system-clock.ts";
import { createAppLog } from "../../src/observe/app-log.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";

const BLOCKER = `
import { defineMiddleware } from "millrace";
const block = () => { for (;;); };
export default defineMiddleware({
  name: "blocker",
  setup: () => {
    SETUP;
    return {
      onRequest: ({ request }) => {
        if (request.path === "/block") block();
        if (request.path === "/later") setTimeout(block);
        return null;
      },
    };
  },
});
`;

interface Plane {
  readonly plane: ControlPlane;
  readonly logged: Record<string, unknown>[];
  readonly count: (event: string) => number;
}

async function planeWith(t: TestContext, setup: string): Promise<Plane> {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const folder = moduleFolder(t, {
    "blocker.mjs": BLOCKER.replace("SETUP", setup),
    "millrace.yaml": `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"] } }
middleware: [{ use: ./blocker.mjs }]
routes: [{ upstream: app }]
`,
  });
  const loaded = await loadConfigFile(path.join(folder.path, "millrace.yaml"));
  assert.ok("config" in loaded, "problems" in loaded ? JSON.stringify(loaded.problems) : "");
  const logged: Record<string, unknown>[] = [];
  const write = (line: string): void => void logged.push(JSON.parse(line) as Record<string, unknown>);
  // Only the watchdog's checks stand still, which are counted; the worker has clocks of its own.
  t.mock.timers.enable({ apis: ["setInterval"] });
  const plane = new ControlPlane({
    config: loaded.config,
    log: createAppLog({ level: "info", format: "json", write, now: Date.now }),
    version: "0.0.0",
    takeLines: (_data, _lines, taken) => taken(),
    logDroppedLines: () => 0,
    refusedReloads: () => 0,
    environment: process.env,
    startedAtMs: Date.now(),
    now: Date.now,
    monotonic: monotonicMs,
    threads: new WorkerThreads(),
    inherited: null,
  });
  t.after(() => plane.stop());
  return { plane, logged, count: (event) => logged.filter((line) => line["event"] === event).length };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const limit = Date.now() + 15_000;
  while (!condition()) {
    assert.ok(Date.now() < limit, `never happened: ${what}`);
    await wait(2);
  }
}

/** Waits until the worker's heart has not beaten for a while, and makes the checks of eleven seconds. */
async function standsStill(t: TestContext, plane: ControlPlane): Promise<void> {
  let last = -1;
  let since = 0;
  await until("the heart stands still", () => {
    const now = plane.beats(0);
    if (now !== last || now === 0) [last, since] = [now, Date.now()];
    return Date.now() - since > 600;
  });
  for (let check = 0; check < 11; check++) t.mock.timers.tick(1000);
}

test("in a hook, or in what a hook left behind", { timeout: 60_000 }, async (t) => {
  const { plane, logged, count } = await planeWith(t, "");
  const { signal } = new AbortController();
  assert.equal((await plane.start(signal, { checksListeners: true })).kind, "started");
  const open = await plane.open(signal);
  assert.ok(open.kind === "open");
  const target = open.listeners[0]?.target;
  assert.ok(target?.kind === "tcp");
  const { port } = target;
  for (const [index, [request, said]] of [
    ["/block", "worker 0 has stood still for 10 s, in the middleware blocker, and is ended"],
    ["/later", "worker 0 has stood still for 10 s (the last middleware that ran in it was blocker) and is ended"],
  ].entries()) {
    assert.equal((await ask(port, get("/"))).status, 200);
    const client = await RawClient.connect(port);
    client.send(get(request ?? ""));
    await standsStill(t, plane);
    assert.equal(logged.filter(({ event }) => event === "worker_stuck")[index]?.["message"], said);
    await until("the replacement", () => count("worker_replaced") === index + 1);
    client.destroy();
  }
  assert.equal((await ask(port, get("/"))).status, 200, "the replacement has the middleware too");
});

test("in setup, at the start: the start fails, and the log says why", { timeout: 60_000 }, async (t) => {
  const { plane, logged } = await planeWith(t, "block()");
  const starting = plane.start(new AbortController().signal, { checksListeners: true });
  await standsStill(t, plane);
  const outcome = await starting;
  assert.deepEqual(outcome, { kind: "failed", lines: ["worker 0: ended: exit code 1"] });
  assert.equal(logged.find(({ event }) => event === "worker_stuck")?.["middleware"], "blocker");
});
