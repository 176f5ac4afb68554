/** Debian's Redis for tests: alone, with TLS and a password, and as a cluster. */
import { execFile, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

const run = promisify(execFile);
const START_MS = 15_000;

/** Why tests with Redis are skipped; false: they are not. */
export const WITHOUT_REDIS: string | false =
  spawnSync("redis-server", ["--version"]).status === 0 && spawnSync("redis-cli", ["--version"]).status === 0
    ? false
    : "redis-server and redis-cli are not installed";

/** Stops what was started; after it nothing is left. */
interface Cleaner {
  readonly after: (end: () => void | Promise<void>) => void;
}

/** A Redis, which is restarted on the same port, without what it held. */
export class TestRedis {
  readonly port: number;
  private readonly options: readonly string[];
  private readonly client: readonly string[];
  private readonly folder: string = mkdtempSync(path.join(tmpdir(), "millrace-redis-"));
  private server: ChildProcess | null = null;

  /** @param client options with which redis-cli reaches it, over those of the port */
  static async start(cleaner: Cleaner, options: readonly string[] = [], client: readonly string[] = []): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), options, client);
    cleaner.after(() => redis.stop());
    await redis.start();
    return redis;
  }

  private constructor(port: number, options: readonly string[], client: readonly string[]) {
    this.port = port;
    this.options = options;
    this.client = client;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const isTls = this.options.includes("--tls-port");
    const ports = isTls ? ["--port", "0"] : ["--port", `${this.port}`];
    const options = this.options.map((option) => (option === "PORT" ? `${this.port}` : option));
    const server = spawn("redis-server", [...ports, "--bind", "127.0.0.1", "--save", "", "--dir", this.folder, ...options]);
    this.server = server;
    server.unref();
    const kill = (): void => void server.kill("SIGKILL");
    process.once("exit", kill);
    server.once("exit", () => process.off("exit", kill));
    let printed = "";
    server.stdout.on("data", (data: Buffer) => {
      printed += data.toString();
      server.emit("printed");
    });
    await eventually(
      () => printed.includes("Ready to accept connections"),
      (look) => {
        server.on("printed", look);
        return () => void server.off("printed", look);
      },
      START_MS,
      () => `redis-server did not start:\n${printed}`,
    );
  }

  /** Ends it as a fault would. */
  async kill(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    server.ref();
    server.kill("SIGCONT");
    server.kill("SIGKILL");
    await once(server, "exit");
  }

  /** It takes connections and answers nothing, as one whose machine hangs. */
  pause(): void {
    this.server?.kill("SIGSTOP");
  }

  resume(): void {
    this.server?.kill("SIGCONT");
  }

  /** What redis-cli prints. */
  async cli(...given: readonly string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-p", `${this.port}`, ...this.client, ...given]);
    return stdout.trim();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A cluster of three, without replicas. */
export async function startCluster(cleaner: Cleaner): Promise<readonly TestRedis[]> {
  const machines = await Promise.all(
    [1, 2, 3].map(async () => {
      // The port of the bus is ten thousand above the other by default, and may not exist.
      const options = ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`, "--cluster-require-full-coverage", "no"];
      return TestRedis.start(cleaner, [...options, "--cluster-node-timeout", "2000"]);
    }),
  );
  const addresses = machines.map(({ port }) => `127.0.0.1:${port}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
  for (const machine of machines) await isWhole(machine);
  return machines;
}

async function isWhole(machine: TestRedis): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await machine.cli("cluster", "info")).includes("cluster_state:ok"))
    if (Date.now() > deadline) throw new Error("the cluster does not form");
}
