/** Starts the real command on a real configuration file, as a user would. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const START_MS = 15_000;

export interface Millrace {
  /** Port of the first listener. */
  readonly port: number;
  readonly adminPort: number;
  readonly process: ChildProcess;
  readonly configFile: string;
  /** Everything printed so far, both streams. */
  output(): string;
  /** Access log records so far. */
  access(): Record<string, unknown>[];
  /** Waits until the output satisfies the condition. */
  until(condition: (output: string) => boolean, what: string): Promise<void>;
  /** SIGTERM and the exit code. */
  stop(): Promise<number>;
}

export interface LaunchOptions {
  /** The limit of open files that the process gets (Linux). */
  readonly openFiles?: number;
}

/** `config` is YAML, with `address: "127.0.0.1:0"` for a free port. */
export async function startMillrace(
  config: string,
  environment: Record<string, string> = {},
  options: LaunchOptions = {},
): Promise<Millrace> {
  const run = await launch(config, environment, options);
  const { child, output } = run;
  const ready = (): boolean => listenerPort(output()) > 0 && (!/^admin:/m.test(config) || adminPort(output()) > 0);
  await waitUntil(ready, child, output, "its listener");
  return {
    port: listenerPort(output()),
    adminPort: adminPort(output()),
    process: child,
    configFile: run.file,
    output,
    access: () => records(output()).filter((record) => record["event"] === "access"),
    until: (condition, what) => waitUntil(() => condition(output()), child, output, what),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      await run.cleanUp();
      return child.exitCode ?? -1;
    },
  };
}

/** Runs the command to its end and returns what it printed. */
export async function runToEnd(config: string, environment: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const { child, output, cleanUp } = await launch(config, environment);
  if (child.exitCode === null) await once(child, "close");
  await cleanUp();
  return { code: child.exitCode ?? -1, output: output() };
}

interface Launched {
  readonly child: ChildProcess;
  readonly file: string;
  output(): string;
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
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A test that fails may not come to its end; its proxy ends with it all the same.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      output += text;
      child.emit("output");
    });
  }
  return { child, file, output: () => output, cleanUp: () => rm(folder, { recursive: true, force: true }) };
}

async function waitUntil(condition: () => boolean, child: ChildProcess, output: () => string, what: string): Promise<void> {
  const deadline = AbortSignal.timeout(START_MS);
  while (!condition()) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode} before ${what}:\n${output()}`);
    if (deadline.aborted) throw new Error(`waited in vain for ${what}:\n${output().slice(-2000)}`);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        child.off("output", done);
        child.off("exit", done);
        resolve();
      };
      child.on("output", done);
      child.on("exit", done);
      deadline.addEventListener("abort", done, { once: true });
    });
  }
}

function listenerPort(output: string): number {
  return Number(/listening on http:\/\/[^\s"]*?:(\d+)/.exec(output)?.[1] ?? 0);
}

function adminPort(output: string): number {
  return Number(/admin on http:\/\/[^\s"]*?:(\d+)/.exec(output)?.[1] ?? 0);
}

function records(output: string): Record<string, unknown>[] {
  return output.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      const record: Record<string, unknown> = JSON.parse(line);
      return [record];
    } catch {
      return [];
    }
  });
}
