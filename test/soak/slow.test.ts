/**
 * Limits under attack, F16 of the fault matrix: hundreds of connections that send or read as slowly as they can. Whoever behaves is
 * served meanwhile as if nothing were, and the slow ones are gone when their limits have passed.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import { RawClient, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { TLS_FILES } from "../support/tls-files.ts";
import { readMetrics } from "./metrics.ts";

const installed = spawnSync("slowhttptest", ["-h"], { stdio: "ignore" }).error === undefined;

const TLS_KEY = `, tls: { certificates: [{ cert_file: "${TLS_FILES.certificate}", key_file: "${TLS_FILES.key}" }] }`;
/** As the configuration below: slow heads, slow reading. */
const LIMIT_MS = 4000;
/** The time for a handshake by default. slowhttptest shakes hands with each of its connections in turn, so the last one may use much of it. */
const HANDSHAKE_MS = 10_000;
/** The rate of a body is judged every 5 s at the latest, and the time in which the origin was dialled is excused. */
const RATE_LIMIT_MS = 12_000;
/** What a loaded machine may add until connections are seen to be gone. */
const SLACK_MS = 8000;
const REACH_MS_MAX = 20_000;
/** Requests whose slowest but one is the window's 99th percentile. */
const WINDOW = 100;
/** Below this a difference is the scheduler's. */
const FLOOR_MS = 10;
/** More than the kernel takes for a connection on loopback (2.6 MiB: ten segments of 64 KiB, twice over, with their overhead). */
const BIG = Buffer.alloc(5 * 1024 ** 2, "b");
const SMALL = Buffer.from("ok");

interface Attack {
  readonly name: string;
  readonly argv: readonly string[];
  readonly connections: number;
  readonly path: string;
  readonly limitMs: number;
}

const ATTACKS: readonly Attack[] = [
  { name: "slow heads", argv: ["-H", "-i", "1"], connections: 500, path: "/", limitMs: LIMIT_MS },
  {
    name: "slow bodies",
    argv: ["-B", "-i", "1", "-s", "100000", "-x", "10"],
    connections: 500,
    path: "/",
    limitMs: RATE_LIMIT_MS,
  },
  {
    name: "slow reading",
    argv: ["-X", "-n", "1", "-w", "512", "-y", "1024", "-z", "32"],
    connections: 150,
    path: "/big",
    limitMs: LIMIT_MS,
  },
];

describe("slow clients", { skip: installed ? false : "slowhttptest is not installed: apt-get install slowhttptest" }, () => {
  for (const attack of ATTACKS) {
    for (const overTls of [false, true]) {
      test(`${attack.name}${overTls ? " over TLS" : ""} harm nobody else and are gone in time`, { timeout: 120_000 }, (t) =>
        withstand(attack, overTls, (text) => t.diagnostic(text)),
      );
    }
  }
});

async function withstand(attack: Attack, overTls: boolean, say: (text: string) => void): Promise<void> {
  const origin = await startRawOrigin({
    onRequest: ({ head, socket }) => {
      const body = head.startsWith("GET /big") ? BIG : SMALL;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    },
  });
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0"${overTls ? TLS_KEY : ""}, timeouts: { request_head: ${LIMIT_MS}ms, idle: ${LIMIT_MS}ms } }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
logging: { access: false }
`);
  const client = new SteadyClient(proxy.port, overTls);
  const attacker = new Attacker();
  const limitMs = attack.limitMs + (overTls ? HANDSHAKE_MS : 0) + SLACK_MS;
  try {
    // Compilers and caches first.
    for (let count = 0; count < 10; count++) await client.window();
    const normal: number[] = [];
    for (let count = 0; count < 20; count++) normal.push(await client.window());

    const open = async (): Promise<number> => (await readMetrics(proxy.adminPort)).sum("millrace_connections_open");
    await attacker.start(attack, `${overTls ? "https" : "http"}://127.0.0.1:${proxy.port}${attack.path}`);
    const startedAt = performance.now();
    const peak = await reached(open, attack.connections * 0.9);
    const underAttack: number[] = [];
    let gone = 0;
    // The client's own connection stays.
    for (let left = peak; left > 1; left = await open()) {
      underAttack.push(await client.window());
      gone = performance.now() - startedAt;
      assert.ok(gone < limitMs, `${left} of ${peak} connections are still open after ${Math.round(gone)} ms`);
    }
    const [before, during] = [median(normal), median(underAttack)];
    say(
      `${peak} connections, gone after ${Math.round(gone)} ms; 99th percentile ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during`,
    );
    assert.ok(underAttack.length >= 3, `only ${underAttack.length} windows fell into the attack`);
    assert.ok(during <= Math.max(2 * before, FLOOR_MS), `the 99th percentile went from ${before} ms to ${during} ms`);
    assert.ok(!proxy.output().includes('"level":"error"'), proxy.output());
  } catch (error) {
    say(attacker.printed());
    throw error;
  } finally {
    client.close();
    await attacker.stop();
    await proxy.stop();
    await origin.close();
  }
}

/** slowhttptest, in a folder of its own for what it writes. */
class Attacker {
  private child: ChildProcess | null = null;
  private folder: string = "";
  private output: string = "";

  async start({ argv, connections }: Attack, url: string): Promise<void> {
    this.folder = await mkdtemp(path.join(tmpdir(), "millrace-slow-"));
    const size = ["-c", String(connections), "-r", String(connections), "-l", "60", "-p", "5", "-g", "-o", "attack"];
    this.child = spawn("slowhttptest", [...argv, "-u", url, ...size], { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output = (this.output + text).slice(-2000)));
  }

  printed(): string {
    return this.output;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child?.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit");
    if (this.folder !== "") await rm(this.folder, { recursive: true, force: true });
  }
}

/** One that behaves: request after request on one connection, each of which must be served. */
class SteadyClient {
  private readonly port: number;
  private readonly overTls: boolean;
  private connection: RawClient | null = null;

  constructor(port: number, overTls: boolean) {
    this.port = port;
    this.overTls = overTls;
  }

  /** Milliseconds of the slowest request but one of a window. */
  async window(): Promise<number> {
    const connection = (this.connection ??= await this.connect());
    const times: number[] = [];
    for (let count = 0; count < WINDOW; count++) {
      const startedAt = performance.now();
      connection.received = "";
      connection.send(get("/"));
      const response = await connection.response();
      assert.equal(response.status, 200);
      assert.equal(response.body, "ok");
      times.push(performance.now() - startedAt);
    }
    return times.toSorted((a, b) => a - b).at(-2) ?? 0;
  }

  private connect(): Promise<RawClient> {
    const { port, overTls } = this;
    return overTls ? RawClient.connectTls(port, { ca: TLS_FILES.ca, servername: "a.test" }) : RawClient.connect(port);
  }

  close(): void {
    this.connection?.destroy();
  }
}

async function reached(read: () => Promise<number>, enough: number): Promise<number> {
  const deadline = performance.now() + REACH_MS_MAX;
  for (;;) {
    const value = await read();
    if (value >= enough) return value;
    if (performance.now() > deadline) throw new Error(`it only reached ${value}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
