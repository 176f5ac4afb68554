/** Starts the processes of the bench, and ends each by its id, however the bench ends. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";

const START_LIMIT_MS = 20_000;
const END_LIMIT_MS = 3000;
/** How long to wait after a process has ended for what it printed: output may come late, and a child can hold the pipe open. */
const LAST_WORDS_MS = 1000;
const OUTPUT_KEPT = 100_000;

export interface Started {
  readonly pid: number;
  readonly port: number;
}

/** A running program that answers each line on its standard input with one line. */
export interface Answering {
  /** Sends a line and resolves with the answer; rejects if the program ends. One line at a time. */
  readonly ask: (line: string) => Promise<string>;
}

interface Running {
  readonly child: ChildProcess;
  /** The last part of what the process has printed so far. */
  readonly output: () => string;
  /** Everything that the process printed, once it has ended. */
  readonly said: () => Promise<string>;
}

export class Processes {
  private readonly running = new Set<ChildProcess>();
  /** For each process that ended, by id: how it ended and what it printed. */
  private readonly ended = new Map<number, () => Promise<string>>();
  private readonly endLimitMs: number;
  private ending = false;
  private isRealtime = false;

  /** @param endLimitMs time between SIGTERM and SIGKILL */
  constructor(endLimitMs: number = END_LIMIT_MS) {
    this.endLimitMs = endLimitMs;
    // The last resort, if endAll was not reached.
    process.once("exit", () => {
      for (const child of this.running) kill(child);
    });
  }

  /**
   * Runs an HTTP server and resolves when it answers; rejects with its last output when it ends or takes too long.
   * @param cores a core's number, or a list as taskset takes it
   * @param overTls whether it serves TLS
   */
  async serve(argv: readonly string[], cores: number | string, port: number, overTls: boolean = false): Promise<Started> {
    const { child, output, said } = this.start(argv, cores);
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await answers(port, overTls))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended at its start: ${await said()}`);
      if (performance.now() > deadline) {
        await this.end(child.pid ?? 0);
        throw new Error(`it does not answer on port ${port}: ${output()}`);
      }
      await delay(50);
    }
    return { pid: child.pid ?? 0, port };
  }

  /** Runs a program on one core and resolves with the first match in what it prints; it goes on running. */
  async until(
    argv: readonly string[],
    core: number | string,
    pattern: RegExp,
    limitMs: number,
  ): Promise<{ pid: number; match: RegExpExecArray }> {
    const { child, output, said } = this.start(argv, core);
    const deadline = performance.now() + limitMs;
    for (;;) {
      const match = pattern.exec(output());
      if (match !== null) return { pid: child.pid ?? 0, match };
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(await said());
      if (performance.now() > deadline) throw new Error(`more than ${limitMs / 1000} s: ${output()}`);
      await delay(50);
    }
  }

  /** Runs a program on one core to its end and resolves with what it printed. */
  async run(argv: readonly string[], core: number | string): Promise<string> {
    const { child, output } = this.start(argv, core);
    await once(child, "close");
    if (child.exitCode !== 0) throw new Error(`${argv[0] ?? ""} ended with ${child.exitCode ?? child.signalCode}: ${output()}`);
    return output();
  }

  /** Runs a program on one core that reads lines from its standard input; it goes on running. */
  answering(argv: readonly string[], core: number | string): Answering {
    const { child, said } = this.start(argv, core, "pipe");
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error("the program has no pipes");
    // A write error is ignored: the program's end reports it.
    stdin.on("error", () => undefined);
    const lines = createInterface({ input: stdout });
    const ended = once(lines, "close").then(async (): Promise<never> => {
      throw new Error(`it ended: ${await said()}`);
    });
    // The program may end while nobody waits for an answer.
    ended.catch(() => undefined);
    return {
      ask: async (line) => {
        const answer = once(lines, "line");
        stdin.write(`${line}\n`);
        return String((await Promise.race([answer, ended]))[0]);
      },
    };
  }

  /**
   * Gives real-time priority (SCHED_RR, sched(7)) to every process started from now on: nothing else on the machine stops it. Returns false if that
   * is not permitted (it takes root).
   */
  beRealtime(): boolean {
    this.isRealtime = spawnSync("chrt", ["--rr", "1", "true"]).status === 0;
    return this.isRealtime;
  }

  /**
   * The command line that runs `argv` as a batch process (sched(7)): when it is woken, it does not interrupt what runs on its core. So origin and load
   * generator, which share a core, do not interrupt each other for each message, and together need a tenth less time. With real-time priority
   * they never do.
   */
  asBatch(argv: readonly string[]): readonly string[] {
    return this.isRealtime ? argv : ["chrt", "--batch", "0", ...argv];
  }

  /** How the process ended, with what it printed; null if it is running. */
  async whyEnded(pid: number): Promise<string | null> {
    const said = this.ended.get(pid);
    return said === undefined ? null : said();
  }

  /** Whether `endAll` was called, so that no process is started any more. */
  get areEnding(): boolean {
    return this.ending;
  }

  /** Ends one process: by SIGTERM, and by SIGKILL if that takes too long. */
  async end(pid: number): Promise<void> {
    await Promise.all([...this.running].filter((child) => child.pid === pid).map((child) => endOne(child, this.endLimitMs)));
  }

  /** Ends all running processes; resolves when they have gone. */
  async endRunning(): Promise<void> {
    await Promise.all([...this.running].map((child) => endOne(child, this.endLimitMs)));
  }

  /** Ends all running processes, and starts none any more. */
  async endAll(): Promise<void> {
    this.ending = true;
    await this.endRunning();
  }

  private start(argv: readonly string[], cores: number | string, stdin: "ignore" | "pipe" = "ignore"): Running {
    if (this.ending) throw new Error("the bench is ending");
    const policy = this.isRealtime ? ["chrt", "--rr", "1"] : [];
    // A process group of its own, so that Ctrl-C in a terminal reaches only the bench, which then ends all processes in order.
    const child = spawn("taskset", ["-c", String(cores), ...policy, ...argv], { stdio: [stdin, "pipe", "pipe"], detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-OUTPUT_KEPT);
      });
    }
    this.running.add(child);
    child.once("exit", (code, signal) => {
      this.running.delete(child);
      this.ended.set(child.pid ?? 0, async () => `it ended with ${code ?? signal}: ${await said()}`);
    });
    child.once("error", (error) => {
      output += error.message;
      this.running.delete(child);
    });
    const closed = once(child, "close").catch(() => undefined);
    const said = async (): Promise<string> => {
      await Promise.race([closed, delay(LAST_WORDS_MS)]);
      return output.trim();
    };
    return { child, output: () => output.trim(), said };
  }
}

async function endOne(child: ChildProcess, limitMs: number): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => kill(child), limitMs);
  await gone;
  clearTimeout(late);
}

/** Kills a process with its children: each process of the bench leads a process group of its own. */
function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // The process has gone meanwhile.
  }
}

/** Null if the program is installed; else a message with the command that installs it on Debian and Ubuntu. */
export function missingProgram(name: string, debianPackage: string = name): string | null {
  return findProgram(name) === null ? `${name} is not installed: apt-get install ${debianPackage}` : null;
}

/** The version that an installed program prints, such as 1.22.1; "" if it prints none. */
export function programVersion(name: string, ...how: readonly string[]): string {
  const { stdout, stderr } = spawnSync(findProgram(name) ?? name, how, { encoding: "utf8" });
  return /\d+\.\d[\w.+~-]*/.exec(`${stdout ?? ""}${stderr ?? ""}`)?.[0] ?? "";
}

/** The program's path; null if it is not installed. Also looks into sbin, where Debian keeps servers and which may not be on the PATH. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return address.port;
}

/** Whether a server answers a request on the port. A connection alone is not enough: Millrace listens on a port for a moment to test whether it is free. */
function answers(port: number, overTls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = (): boolean => socket.write("GET / HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n");
    const to = { port, host: "127.0.0.1" };
    const socket = overTls ? tls.connect({ ...to, rejectUnauthorized: false }, ask) : net.connect(to, ask);
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => undefined).once("close", () => resolve(false));
    socket.setTimeout(1000, () => socket.destroy());
  });
}
