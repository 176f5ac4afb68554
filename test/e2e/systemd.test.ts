/**
 * The real `systemd-notify`, `systemd-socket-activate` and `systemd-analyze`, with a program that plays systemd: it has the datagram
 * socket that Node cannot open. No systemd runs, so what the unit's sandbox forbids is judged by `systemd-analyze` and not tried.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import { ask, get } from "../support/raw-client.ts";
import { readText } from "../support/source-files.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const missing = ["systemd-notify", "systemd-socket-activate", "systemd-analyze", "perl"].filter(
  (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).status !== 0,
);
const skip = missing.length === 0 ? false : `not installed: ${missing.join(", ")}; apt-get install systemd perl-base`;

const CONFIG = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes: [{ upstream: app }]
logging: { level: info, access: false }
`;

/** Prints each datagram as a line, its line feeds as tabs. Reading takes no descriptor along, which answers `BARRIER=1` as systemd does. */
const LISTENER = `
use Socket; $| = 1;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
my $name = $ARGV[0]; $name =~ s/^@/\\0/;
bind($s, sockaddr_un($name)) or die "bind: $!";
print "bound\\n";
while (defined recv($s, my $text, 65536, 0)) { $text =~ s/\\n/\\t/g; print "$text\\n"; }
`;

interface Manager {
  /** The messages so far, barriers left out. */
  messages(): string[][];
  until(condition: (messages: readonly string[][]) => boolean, what: string): Promise<void>;
}

async function startManager(t: TestContext, socket: string): Promise<Manager> {
  const child = spawn("perl", ["-e", LISTENER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    child.emit("output");
  });
  const messages = (): string[][] =>
    output
      .split("\n")
      .slice(1, -1)
      .map((line) => line.split("\t"))
      .filter(([first]) => first !== "BARRIER=1");
  const until: Manager["until"] = async (condition, what) => {
    const deadline = AbortSignal.timeout(20_000);
    while (!output.startsWith("bound\n") || !condition(messages())) {
      await once(child, "output", { signal: deadline }).catch(() => assert.fail(`waited in vain for ${what}: ${output}`));
    }
  };
  await until(() => true, "its socket");
  return { messages, until };
}

describe("systemd", { skip }, () => {
  for (const kind of ["a path", "an abstract name"] as const) {
    test(`hears at ${kind} of start, reload, life and stop`, async (t) => {
      const folder = await mkdtemp(path.join(tmpdir(), "millrace-systemd-"));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const socket = kind === "a path" ? path.join(folder, "notify") : `@${folder}`;
      const manager = await startManager(t, socket);
      const proxy = await startMillrace(CONFIG, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000000" });
      t.after(() => proxy.stop());
      await manager.until((messages) => messages.some(([first]) => first === "WATCHDOG=1"), "the watchdog");
      proxy.process.kill("SIGHUP");
      await manager.until((messages) => messages.filter(([first]) => first === "READY=1").length === 2, "the reload");
      assert.equal(await proxy.stop(), 0);
      await manager.until((messages) => messages.some(([first]) => first === "STOPPING=1"), "the stop");
      const said = manager.messages().filter(([first]) => first !== "WATCHDOG=1");
      assert.deepEqual(
        said.map(([first]) => first),
        ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"],
      );
      assert.match(said[1]?.[1] ?? "", /^MONOTONIC_USEC=\d+$/);
      assert.doesNotMatch(proxy.output(), /service_manager_untold/);
    });
  }

  test("hands over a socket, and the log says which one nobody takes", async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-systemd-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, "millrace.yaml");
    await writeFile(file, CONFIG.replace("127.0.0.1:0", "fd:3"));
    const [port, unused] = [await freePort(), await freePort()];
    const child = spawn(
      "systemd-socket-activate",
      ["-l", `127.0.0.1:${port}`, "-l", `127.0.0.1:${unused}`, "--fdname", "web:spare", process.execPath, MAIN, "run", "--config", file],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        child.emit("output");
      });
    }
    while (!output.includes(`127.0.0.1:${unused} as 4`)) await once(child, "output", { signal: t.signal });
    // The first connection starts the process and waits for it.
    assert.equal((await ask(port, get("/"))).status, 502);
    assert.match(output, /fd:4 \(spare\), which no listener takes/);
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });

  test("finds no fault with the units, and rates the service's protection", async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "millrace-systemd-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const service = path.join(folder, "millrace.service");
    const socket = path.join(folder, "millrace.socket");
    // The program must exist for systemd-analyze.
    await writeFile(service, readText("deploy/systemd/millrace.service").replaceAll("/usr/local/bin/millrace", process.execPath));
    await writeFile(socket, readText("deploy/systemd/millrace.socket"));
    const verified = spawnSync("systemd-analyze", ["verify", service, socket], { encoding: "utf8" });
    assert.deepEqual([verified.status, verified.stdout + verified.stderr], [0, ""]);
    const rated = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", "--no-pager", service], {
      encoding: "utf8",
    });
    assert.equal(rated.status, 0, rated.stdout + rated.stderr);
    const [, rating] = /exposure level for millrace\.service: ([\d.]+)/.exec(rated.stdout) ?? [];
    assert.ok(Number(rating) <= 2, rated.stdout);
  });
});
