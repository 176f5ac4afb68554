/** Control planes for tests, over stand-ins for the workers (stand-in-worker.fixture.ts). */
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { ControlPlane } from "./control-plane.ts";
import type { OpenOutcome } from "./outcomes.ts";
import { WorkerThreads } from "./workers/worker-threads.ts";
import { testConfig } from "./config.fixture.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { Config } from "../config/schema/schema.ts";

export interface Running {
  readonly plane: ControlPlane;
  readonly port: number;
  readonly logged: Record<string, unknown>[];
  readonly lines: string[];
}

export async function plane(
  config: Config,
  beside: boolean = false,
): Promise<{ plane: ControlPlane; logged: Record<string, unknown>[]; lines: string[] }> {
  const logged: Record<string, unknown>[] = [];
  const lines: string[] = [];
  const log = createAppLog({ level: "debug", format: "json", write: (line) => logged.push(JSON.parse(line)), now: Date.now });
  const threads = new WorkerThreads(new URL("./workers/stand-in-worker.fixture.ts", import.meta.url));
  const control = new ControlPlane({
    config,
    log,
    version: "1.2.3",
    takeLines: (data, _count, taken) => {
      lines.push(Buffer.from(data).toString());
      taken();
    },
    logDroppedLines: () => 0,
    refusedReloads: () => 0,
    environment: process.env,
    startedAtMs: Date.now(),
    now: Date.now,
    monotonic: () => performance.now(),
    inherited: null,
    threads,
    ...(beside ? { besideWorkers: () => threads.take(1) } : {}),
  });
  return { plane: control, logged, lines };
}

/** Starts and opens, as the command does. */
export async function start(control: ControlPlane, stop: AbortSignal = new AbortController().signal): Promise<OpenOutcome> {
  const outcome = await control.start(stop, { checksListeners: true });
  return outcome.kind === "started" ? control.open(stop) : outcome;
}

export async function started(t: TestContext, changes: Partial<Config> = {}): Promise<Running> {
  const made = await plane(testConfig({ workers: 2, ...changes }));
  t.after(() => made.plane.stop());
  const outcome = await start(made.plane);
  assert.ok(outcome.kind === "open", JSON.stringify(outcome));
  const target = outcome.listeners[0]?.target;
  return { ...made, port: target?.kind === "tcp" ? target.port : 0 };
}

/** The body of the stand-in worker's answer, or the error. */
export function ask(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`));
    socket.on("data", (data) => {
      text += data.toString();
      if (path === "/hold") resolve("held");
    });
    socket.on("error", (error) => resolve(error.message));
    socket.on("close", () => resolve(text.split("\r\n\r\n")[1] ?? text));
  });
}

/** Pause before the condition is looked at again: without one, looking takes the processor from the threads that are waited for. */
const aMoment = (): Promise<void> => wait(2);

/** Waits until other threads have made the condition true. `pause` is for a condition that may soon be false again. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  pause: () => Promise<void> = aMoment,
): Promise<void> {
  const limit = Date.now() + 10_000;
  while (!(await condition())) {
    assert.ok(Date.now() < limit, `never happened: ${what}`);
    await pause();
  }
}

/** Why the control plane refuses a configuration. Empty: it takes it. */
export async function refusal(running: Running, config: Config): Promise<readonly string[]> {
  const outcome = await running.plane.reload(config);
  return outcome.kind === "refused" ? outcome.lines : [];
}

export const sample: (running: Running, name: string) => number = (running, name) =>
  Number(new RegExp(`^${name} (.*)$`, "m").exec(running.plane.metrics())?.[1]);
export const events: (running: Running, event: string) => Record<string, unknown>[] = (running, event) =>
  running.logged.filter((line) => line["event"] === event);

export function listenersAt(...addresses: readonly string[]): Config["listeners"] {
  const [plain = assert.fail()] = testConfig().listeners;
  return [plain, ...addresses.map((address) => ({ ...plain, address }))];
}
