/** The processes that the bench starts. Each is ended by its id, however the bench ends. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const START_LIMIT_MS = 20_000;
const END_LIMIT_MS = 3000;
/** What a process printed may arrive after its end; a child of it can hold the pipe open. */
const LAST_WORDS_MS = 1000;
const OUTPUT_KEPT = 100_000;

export interface Started {
  readonly pid: number;
  readonly port: number;
}

/** A program that answers each line with one. */
export interface Answering {
  /** Rejects when the program ends instead. One line at a time. */
  readonly ask: (line: string) => Promise<string>;
}

interface Running {
  readonly child: ChildProcess;
  /** What it printed so far, the last of it. */
  readonly output: () => string;
  /** For one that ended: all that it printed. */
  readonly said: () => Promise<string>;
}

export class Processes {
  private readonly running = new Set<ChildProcess>();
  /** Of those that ended: how, and what they printed. */
  private readonly ended = new Map<number, () => Promise<string>>();
  private readonly endLimitMs: number;
  private ending = false;
  private isRealtime = false;

  /** @param endLimitMs from SIGTERM to SIGKILL */
  constructor(endLimitMs: number = END_LIMIT_MS) {
    this.endLimitMs = endLimitMs;
    // The last resort, where endAll was not reached.
    process.once("exit", () => {
      for (const child of this.running) kill(child);
    });
  }

  /**
   * Runs an HTTP server and resolves when it answers; rejects with its last output when it ends or takes too long.
   * @param cores a core's number, or a list as taskset takes it
   */
  async serve(argv: readonly string[], cores: number | string, port: number): Promise<Started> {
    const { child, output, said } = this.start(argv, cores);
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await answers(port))) {
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
    // That it has gone is told by its end.
    stdin.on("error", () => undefined);
    const lines = createInterface({ input: stdout });
    const ended = once(lines, "close").then(async (): Promise<never> => {
      throw new Error(`it ended: ${await said()}`);
    });
    // Nobody may be asking when it ends.
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
   * What is started from now on has real-time priority (SCHED_RR, sched(7)): nothing else that the machine has to do stops it, and it stops
   * everything. False: that takes root.
   */
  beRealtime(): boolean {
    this.isRealtime = spawnSync("chrt", ["--rr", "1", "true"]).status === 0;
    return this.isRealtime;
  }

  /**
   * That command as a batch process (sched(7)): the kernel does not stop what runs on its core for it when it is woken. So origin and load
   * generator, which share a core, do not interrupt each other for each message: what they cost together falls by a tenth. With real-time
   * priority that is so anyway.
   */
  asBatch(argv: readonly string[]): readonly string[] {
    return this.isRealtime ? argv : ["chrt", "--batch", "0", ...argv];
  }

  /** How it ended, with what it said, or null: it runs. */
  async whyEnded(pid: number): Promise<string | null> {
    const said = this.ended.get(pid);
    return said === undefined ? null : said();
  }

  /** None is started any more. */
  get areEnding(): boolean {
    return this.ending;
  }

  /** Ends one of them: SIGTERM, and SIGKILL when that takes too long. */
  async end(pid: number): Promise<void> {
    await Promise.all([...this.running].filter((child) => child.pid === pid).map((child) => endOne(child, this.endLimitMs)));
  }

  /** Ends all that run now; resolves when they have gone. */
  async endRunning(): Promise<void> {
    await Promise.all([...this.running].map((child) => endOne(child, this.endLimitMs)));
  }

  /** The same, and starts none any more. */
  async endAll(): Promise<void> {
    this.ending = true;
    await this.endRunning();
  }

  private start(argv: readonly string[], cores: number | string, stdin: "ignore" | "pipe" = "ignore"): Running {
    if (this.ending) throw new Error("the bench is ending");
    const policy = this.isRealtime ? ["chrt", "--rr", "1"] : [];
    // Its own process group, so that Ctrl-C in a terminal reaches the bench alone, which then ends them in order.
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

/** With its children: each is the leader of a process group of its own. */
function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Gone meanwhile.
  }
}

/** null when the program is there, otherwise the command that installs it on Debian and Ubuntu. */
export function missingProgram(name: string, debianPackage: string = name): string | null {
  return findProgram(name) === null ? `${name} is not installed: apt-get install ${debianPackage}` : null;
}

/** What an installed program calls its version, such as 1.22.1; "" when it does not tell. */
export function programVersion(name: string, ...how: readonly string[]): string {
  const { stdout, stderr } = spawnSync(findProgram(name) ?? name, how, { encoding: "utf8" });
  return /\d+\.\d[\w.+~-]*/.exec(`${stdout ?? ""}${stderr ?? ""}`)?.[0] ?? "";
}

/** The program's path, or null. Debian keeps servers in sbin, which is not on everyone's PATH. */
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

/** That it accepts is not enough: Millrace tries whether a port is free by listening on it, before its workers do. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n"));
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => undefined).once("close", () => resolve(false));
    socket.setTimeout(1000, () => socket.destroy());
  });
}
