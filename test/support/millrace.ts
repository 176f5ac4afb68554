/** Starts the real command on a real configuration file, as a user would. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import { Printed } from "./printed.ts";
import type { LogRecord } from "./printed.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const START_MS = 15_000;

export interface Millrace {
  /** Port of the first listener. */
  readonly port: number;
  readonly adminPort: number;
  readonly process: ChildProcess;
  readonly configFile: string;
  /** Everything that was printed so far, on stdout and stderr. */
  output(): string;
  /** Access log records so far. */
  access(): readonly LogRecord[];
  /** How many events of this name were logged so far. */
  count(event: string): number;
  /** Waits until the output satisfies the condition. */
  until(condition: (output: string) => boolean, what: string): Promise<void>;
  /** Reloads with another configuration, which must be valid. `logging.level` must be info before and after. */
  reload(config: string): Promise<void>;
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number>;
}

export interface LaunchOptions {
  /** The limit of open files that the process gets (Linux). */
  readonly openFiles?: number;
}

/** Starts the proxy and waits until it serves. `config` is YAML, with `address: "127.0.0.1:0"` for a free port. */
export async function startMillrace(
  config: string,
  environment: Record<string, string> = {},
  options: LaunchOptions = {},
): Promise<Millrace> {
  const run = await launch(config, environment, options);
  const { child, output } = run;
  const ready = (): boolean => listenerPort(output()) > 0 && (!/^admin:/m.test(config) || adminPort(output()) > 0);
  await waitUntil(ready, run, "its listener");
  return {
    port: listenerPort(output()),
    adminPort: adminPort(output()),
    process: child,
    configFile: run.file,
    output,
    access: () => run.events("access"),
    count: (event) => run.events(event).length,
    until: (condition, what) => waitUntil(() => condition(output()), run, what),
    reload: async (next) => {
      const reloads = (): number => run.events("config_reloaded").length;
      const before = reloads();
      await writeFile(run.file, next);
      child.kill("SIGHUP");
      await waitUntil(() => reloads() > before, run, "the reload");
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.ref();
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      await run.cleanUp();
      return child.exitCode ?? -1;
    },
  };
}

/** Runs the proxy until it exits by itself; returns its exit code and what it printed. */
export async function runToEnd(config: string, environment: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const { child, output, cleanUp } = await launch(config, environment);
  child.ref();
  if (child.exitCode === null) await once(child, "close");
  await cleanUp();
  return { code: child.exitCode ?? -1, output: output() };
}

interface Launched {
  readonly child: ChildProcess;
  readonly file: string;
  output(): string;
  events(name: string): readonly LogRecord[];
  cleanUp(): Promise<void>;
}

async function launch(config: string, environment: Record<string, string>, options: LaunchOptions = {}): Promise<Launched> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-test-"));
  const file = path.join(folder, "millrace.yaml");
  await writeFile(file, config);
  const argv = [process.execPath, MAIN, "run", "--config", file];
  if (options.openFiles !== undefined) argv.unshift("prlimit", `--nofile=${options.openFiles}`);
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, {
    // The warm-up's four thousand exchanges at each start would take most of a test's time.
    env: { MILLRACE_WARM_UP: "off", ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A failed test may not reach its end: its proxy must neither keep this process alive nor outlive it.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const printed = new Printed(() => child.emit("output"));
  printed.read(child.stdout);
  printed.read(child.stderr);
  return {
    child,
    file,
    output: () => printed.text,
    events: (name) => printed.events(name),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

function waitUntil(condition: () => boolean, { child, output }: Launched, what: string): Promise<void> {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const met = (): boolean => {
    if (condition()) return true;
    if (isOver()) throw new Error(`it ended with ${child.exitCode ?? child.signalCode} before ${what}:\n${output()}`);
    return false;
  };
  const subscribe = (look: () => void): (() => void) => {
    // At "close" everything that the process printed has been read.
    child.on("output", look).on("close", look);
    return () => void child.off("output", look).off("close", look);
  };
  return eventually(met, subscribe, START_MS, () => `waited in vain for ${what}:\n${output().slice(-2000)}`);
}

function listenerPort(output: string): number {
  return Number(/listening on https?:\/\/[^\s"]*?:(\d+)/.exec(output)?.[1] ?? 0);
}

function adminPort(output: string): number {
  return Number(/admin on https?:\/\/[^\s"]*?:(\d+)/.exec(output)?.[1] ?? 0);
}
