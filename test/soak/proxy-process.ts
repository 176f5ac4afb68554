/** The proxy under test: the real command in a process of its own, with a probe in each of its threads. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Door } from "./door.ts";
import { readMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import type { ThreadReading } from "./thread-probe.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const PROBE = fileURLToPath(new URL("./thread-probe.ts", import.meta.url));
const START_MS = 20_000;
const ANSWER_MS = 20_000;

export interface ProxyReading {
  readonly threads: readonly ThreadReading[];
  /** Open sockets of the process; -1 where the system does not say. */
  readonly sockets: number;
  readonly rssBytes: number;
}

export class ProxyProcess {
  readonly door: Door;
  readonly logFile: string;
  private readonly child: ChildProcess;
  private readonly adminPort: number;
  private readonly workers: number;
  private readonly output: () => string;

  private constructor(child: ChildProcess, output: () => string, logFile: string, workers: number, authority: string | null) {
    this.child = child;
    this.output = output;
    this.logFile = logFile;
    this.workers = workers;
    this.door = { port: portIn(output(), "listening"), authority };
    this.adminPort = portIn(output(), "admin");
  }

  /**
   * @param config all but `workers`, `admin` and `logging`
   * @param authority of the certificate that the configuration names, as PEM text; null: it names none
   */
  static async start(folder: string, config: string, workers: number, authority: string | null): Promise<ProxyProcess> {
    const configFile = path.join(folder, "millrace.yaml");
    const logFile = path.join(folder, "millrace.log");
    const own = `workers: ${workers}\nadmin: { address: "127.0.0.1:0" }\nlogging: { output: ${JSON.stringify(logFile)}, format: json }\n`;
    await writeFile(configFile, config + own);
    const child = spawn(process.execPath, ["--expose-gc", "--import", PROBE, MAIN, "run", "--config", configFile], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
    const deadline = AbortSignal.timeout(START_MS);
    while (portIn(output, "listening") === 0 || portIn(output, "admin") === 0) {
      if (child.exitCode !== null || deadline.aborted) {
        child.kill("SIGKILL");
        throw new Error(`the proxy did not start:\n${output}`);
      }
      await Promise.race([
        ...[child.stdout, child.stderr].map((stream) => stream && once(stream, "data", { signal: deadline })),
        once(child, "exit"),
      ]).catch(() => {});
    }
    return new ProxyProcess(child, () => output, logFile, workers, authority);
  }

  /** Everything that it printed; the log is in `logFile`. */
  printed(): string {
    return this.output();
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  metrics(): Promise<Metrics> {
    return readMetrics(this.adminPort);
  }

  /** Collects all threads' garbage and measures what is left. */
  async measure(): Promise<ProxyReading> {
    this.child.send(this.workers + 1);
    const [threads]: unknown[] = await once(this.child, "message", { signal: AbortSignal.timeout(ANSWER_MS) });
    const sorted = (threads as ThreadReading[]).toSorted((a, b) => a.thread - b.thread);
    return { threads: sorted, sockets: await this.sockets(), rssBytes: await this.rssBytes() };
  }

  /** Resident memory; 0 where the system does not say. */
  async rssBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid ?? 0}/status`, "utf8").catch(() => "");
    return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number> {
    if (this.running) {
      this.child.kill("SIGTERM");
      const late = setTimeout(() => this.child.kill("SIGKILL"), ANSWER_MS);
      await once(this.child, "exit");
      clearTimeout(late);
    }
    return this.child.exitCode ?? -1;
  }

  private async sockets(): Promise<number> {
    const folder = `/proc/${this.child.pid ?? 0}/fd`;
    const descriptors = await readdir(folder).catch(() => null);
    if (descriptors === null) return -1;
    const targets = await Promise.all(descriptors.map((descriptor) => readlink(path.join(folder, descriptor)).catch(() => "")));
    return targets.filter((target) => target.startsWith("socket:")).length;
  }
}

function portIn(output: string, word: "listening" | "admin"): number {
  return Number(new RegExp(`${word} on https?://[^\\s"]*?:(\\d+)`).exec(output)?.[1] ?? 0);
}
