/** The processes that the bench starts. Each is ended by its id, however the bench ends. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const START_LIMIT_MS = 20_000;
const END_LIMIT_MS = 3000;
const OUTPUT_KEPT = 4000;

export interface Started {
  readonly pid: number;
  readonly port: number;
}

export class Processes {
  private readonly running = new Set<ChildProcess>();

  constructor() {
    // The last resort, where endAll was not reached.
    process.once("exit", () => {
      for (const child of this.running) child.kill("SIGKILL");
    });
  }

  /** Runs a server on one core and resolves when its port accepts; rejects with its last output when it ends or takes too long. */
  async serve(argv: readonly string[], core: number, port: number): Promise<Started> {
    const { child, output } = this.start(argv, core);
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended at its start: ${output()}`);
      if (performance.now() > deadline) throw new Error(`it does not accept on port ${port}: ${output()}`);
      await delay(50);
    }
    return { pid: child.pid ?? 0, port };
  }

  /** Runs a program on one core to its end and resolves with what it printed. */
  async run(argv: readonly string[], core: number): Promise<string> {
    const { child, output } = this.start(argv, core);
    await once(child, "close");
    if (child.exitCode !== 0) throw new Error(`${argv[0] ?? ""} ended with ${child.exitCode ?? child.signalCode}: ${output()}`);
    return output();
  }

  /** SIGTERM to all, SIGKILL to who has not gone after 3 s; resolves when all have. */
  async endAll(): Promise<void> {
    await Promise.all(
      [...this.running].map(async (child) => {
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
        await gone;
        clearTimeout(late);
      }),
    );
  }

  private start(argv: readonly string[], core: number): { child: ChildProcess; output: () => string } {
    // Its own process group, so that Ctrl-C in a terminal reaches the bench alone, which then ends them in order.
    const child = spawn("taskset", ["-c", String(core), ...argv], { stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-OUTPUT_KEPT);
      });
    }
    this.running.add(child);
    child.once("exit", () => this.running.delete(child));
    child.once("error", (error) => {
      output += error.message;
      this.running.delete(child);
    });
    return { child, output: () => output.trim() };
  }
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

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const end = (accepted: boolean) => (): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
