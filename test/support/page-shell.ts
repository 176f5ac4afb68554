/**
 * Runs the shell blocks of pages with the installed package. Ports of a page stand for free ones, in its commands and in the files that these
 * write, and something answers where a page says that an application is.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { once } from "node:events";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { blocksOf, commandsOf, fileOf, wordsOf } from "./page-blocks.ts";
import type { Block } from "./page-blocks.ts";
import { Printed } from "./printed.ts";
import { eventually } from "./eventually.ts";

const run = promisify(execFile);
const PATIENCE_MS = 20_000;
/** Ports of pages at which an application answers. */
const APPLICATIONS = [3000, 3001, 4000];
/** Ports of pages at which a proxy listens. */
const LISTENERS = [8080, 8081, 8443, 9901];

/** Where the blocks of pages run. */
export class PageShell {
  private readonly ports: ReadonlyMap<number, number>;
  private readonly origins: readonly http.Server[];
  private readonly environment: NodeJS.ProcessEnv;
  private readonly modules: string;

  private constructor(ports: ReadonlyMap<number, number>, origins: readonly http.Server[], installed: string) {
    this.ports = ports;
    this.origins = origins;
    this.modules = path.join(installed, "node_modules");
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    this.environment = {
      ...environment,
      PATH: [path.join(this.modules, ".bin"), path.dirname(process.execPath), environment["PATH"]].join(path.delimiter),
      MILLRACE_WARM_UP: "off",
      NO_COLOR: "1",
      // Of a local authority, which is not to be made for whoever runs the tests.
      XDG_DATA_HOME: path.join(installed, "data"),
    };
  }

  /** @param installed the folder in which the package is installed */
  static async open(installed: string): Promise<PageShell> {
    const ports = new Map<number, number>();
    for (const port of [...APPLICATIONS, ...LISTENERS]) ports.set(port, await freePort());
    const origins = [];
    for (const port of APPLICATIONS) {
      const origin = http.createServer((_request, response) => response.end(`from port ${port}\n`));
      origin.listen(ports.get(port));
      await once(origin, "listening");
      origins.push(origin);
    }
    return new PageShell(ports, origins, installed);
  }

  close(): void {
    for (const origin of this.origins) origin.close();
  }

  /** Runs a block in a folder of its own, which holds the files that the page shows. Fails when a command does. */
  async run(block: Block): Promise<void> {
    const folder = mkdtempSync(path.join(tmpdir(), "millrace-page-"));
    const started: Started[] = [];
    try {
      symlinkSync(this.modules, path.join(folder, "node_modules"));
      await this.writeFiles(block, folder);
      for (const command of commandsOf(block)) {
        if (isServing(command)) {
          // Commands after one another in a block take the same port.
          for (const { child } of started.filter(({ serves }) => serves)) await ended(child);
          started.push(await this.serve(command, folder));
        } else if (command.endsWith("&")) started.push(await this.start(command, folder));
        else await this.shell(this.withPorts(command), folder);
        this.movePorts(folder);
      }
    } finally {
      for (const { child } of started) await ended(child);
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async writeFiles(block: Block, folder: string): Promise<void> {
    for (const shown of blocksOf(block.page)) {
      const name = fileOf(shown);
      // `init` keeps a file that is there.
      if (name === null || (name === "millrace.yaml" && block.text.includes("millrace init"))) continue;
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), this.withPorts(shown.text));
    }
    if (!block.marks.includes("config")) return;
    mkdirSync(path.join(folder, "conf"));
    for (const name of ["millrace.yaml", "conf/millrace.yaml"]) await this.shell(`millrace init --force --config ${name}`, folder);
    this.movePorts(folder);
  }

  private async shell(command: string, cwd: string): Promise<void> {
    await run("bash", ["-euo", "pipefail", "-c", command], { cwd, env: this.environment, timeout: PATIENCE_MS });
  }

  /** Starts what listens, and waits until it says so. */
  private async serve(command: string, cwd: string): Promise<Started> {
    const child = this.spawn(command, cwd);
    const printed = new Printed(() => child.emit("output"));
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) printed.read(stream);
    await eventually(
      () => {
        assert.equal(child.exitCode, null, `${command} ended: ${printed.text}`);
        return /listening on https?:\/\//.test(printed.text);
      },
      (look) => {
        child.on("output", look).on("exit", look);
        return () => void child.off("output", look).off("exit", look);
      },
      PATIENCE_MS,
      () => `${command} does not listen: ${printed.text}`,
    );
    return { child, serves: true };
  }

  /** Starts an application of the page's own in the place of the one that answers otherwise. */
  private async start(command: string, cwd: string): Promise<Started> {
    const port = Number(/\.listen\((\d+)\)/.exec(command)?.[1] ?? assert.fail(`${command}: what does it listen to?`));
    const own = this.ports.get(port) ?? assert.fail(`no application is at ${port}`);
    const origin = this.origins[APPLICATIONS.indexOf(port)];
    origin?.close();
    origin?.closeAllConnections();
    const child = this.spawn(command, cwd);
    const limit = Date.now() + PATIENCE_MS;
    while (!(await accepts(own))) assert.ok(Date.now() < limit && child.exitCode === null, `${command} does not listen`);
    return { child, serves: false };
  }

  private spawn(command: string, cwd: string): ChildProcess {
    const text = this.withPorts(command.replace(/\s*&$/, ""));
    // A group of its own, so that what npx starts ends with it.
    return spawn("bash", ["-c", `exec ${text}`], { cwd, env: this.environment, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  }

  private withPorts(text: string): string {
    return text.replace(/\b\d{4}\b/g, (port) => String(this.ports.get(Number(port)) ?? port));
  }

  /** Gives free ports to files that a command has written. */
  private movePorts(folder: string): void {
    for (const name of readdirSync(folder, { recursive: false, encoding: "utf8" })) {
      if (!name.endsWith(".yaml")) continue;
      const file = path.join(folder, name);
      writeFileSync(file, this.withPorts(readFileSync(file, "utf8")));
    }
    if (readdirSync(folder).includes("conf")) this.movePorts(path.join(folder, "conf"));
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly serves: boolean;
}

/** Whether a command goes on until it is stopped. */
function isServing(command: string): boolean {
  const words = wordsOf(command).filter((word) => word !== "npx");
  return words[0] === "millrace" && ["run", "proxy", "demo"].includes(words[1] ?? "") && !words.includes("--print");
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  return await new Promise<boolean>((resolve) => socket.on("connect", () => resolve(true)).on("error", () => resolve(false))).finally(() =>
    socket.destroy(),
  );
}

/** Ends a process and those that it has started. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const over = once(child, "exit", { signal: AbortSignal.timeout(PATIENCE_MS) });
  process.kill(-child.pid, "SIGTERM");
  await over;
}
