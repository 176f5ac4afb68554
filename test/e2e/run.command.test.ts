/** `millrace run` and its like as an operator meets them: signals, exit codes, what is printed where, and outputs that nobody reads. */
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { RawClient, ask, get, getAdmin } from "../support/raw-client.ts";
import { LISTENING, MAIN, listening, millrace, reached, said, setting } from "../support/run-command.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

test("serves, reloads on SIGHUP, refuses a bad file and keeps the old one, drains on SIGTERM and exits 0", async (t) => {
  const admin = 'admin: { address: "localhost:0" }';
  const { file, write, origin } = await setting(t, admin, ["127.0.0.1:0", "localhost:0"]);
  const running = millrace(t, "run", "--config", file);
  const port = await listening(running);
  const adminPort = Number((await said(running, /admin on http:\/\/localhost:(\d+)/))[1]);
  assert.equal((await ask(port, get("/x"))).body, "Response from Backend A");
  assert.equal((await ask(adminPort, getAdmin("/readyz"))).status, 200);

  fs.writeFileSync(file, "routes: [{ upstream: nowhere");
  running.child.kill("SIGHUP");
  await said(running, /config_refused/);
  assert.equal((await ask(port, get("/x"))).status, 200);

  write(`${admin}\nroutes: [{ match: { path: /only }, upstream: app }]`);
  running.child.kill("SIGHUP");
  await said(running, /config_reloaded/);
  assert.equal((await ask(port, get("/x"))).status, 404);
  assert.equal((await ask(port, get("/only"))).status, 200);
  // The last one is counted when its last byte is written: maybe after its client asks here.
  const counted = `millrace_requests_total{route="#1",upstream="app",endpoint="${origin}",class="2xx"} 3\n`;
  await reached(async () => (await ask(adminPort, getAdmin("/metrics"))).body.includes(counted));

  const hosts = hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
  await t.test("localhost is both families, for clients and for operators", async () => {
    const both = Number((await said(running, /listening on http:\/\/localhost:(\d+)/))[1]);
    for (const host of hosts) {
      assert.equal((await ask(both, get("/only"), host)).body, "Response from Backend A", host);
      assert.equal((await ask(adminPort, getAdmin("/readyz"), host)).status, 200, host);
    }
  });

  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.equal(running.err, "", "stderr is for problems");
  const lines = running.out.trimEnd().split("\n");
  const events = lines.map((line): Record<string, unknown> => JSON.parse(line));
  const access = events.filter((line) => line["event"] === "access");
  assert.equal(access.length, 4 + hosts.length, "every line of a JSON log is JSON, access lines too");
  assert.equal(events.at(-1)?.["event"], "stopped");
});

test("a second signal ends at once", async (t) => {
  // An exchange that does not end keeps the drain waiting; it has begun when the origin is asked.
  const silent = net.createServer((socket) => t.after(() => socket.destroy())).listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const address = silent.address();
  assert.ok(address !== null && typeof address !== "string");
  const { file } = await setting(t, "");
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/http:\/\/127\.0\.0\.1:\d+/, `http://127.0.0.1:${address.port}`));
  const running = millrace(t, "run", "--config", file);
  const client = await RawClient.connect(await listening(running));
  t.after(() => client.destroy());
  client.send(get("/"));
  await once(silent, "connection");
  running.child.kill("SIGINT");
  await said(running, /"event":"draining"/);
  running.child.kill("SIGINT");
  assert.equal(await running.ended, 130);
});

test("too few open files: exit 2 and one line, whatever the command", { skip: process.platform !== "linux" }, async (t) => {
  const { file } = await setting(t, "");
  for (const [limit, command] of [
    [30, ["run", "--config", file]],
    [36, ["run", "--config", file]],
    [30, ["demo"]],
  ] as const) {
    const child = spawn("prlimit", [`--nofile=${limit}`, process.execPath, MAIN, ...command], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)));
    t.after(() => child.kill("SIGKILL"));
    const [code]: unknown[] = await once(child, "close");
    assert.equal(output, `millrace: the limit of open files is ${limit}, which is too low: ${RAISE}\n`);
    assert.equal(code, 2);
  }
});

const RAISE = 'raise it where the process is started, by "ulimit -n 4096" or LimitNOFILE=4096 in a systemd unit';

test("a port in use: exit 2 and one plain line", async (t) => {
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  const { file } = await setting(t, "logging: { output: stderr, level: error }", [`127.0.0.1:${address.port}`]);
  const running = millrace(t, "run", "--config", file);
  assert.equal(await running.ended, 2);
  assert.match(
    running.err,
    new RegExp(`^millrace: cannot listen on 127\\.0\\.0\\.1:${address.port}: the address is in use \\(EADDRINUSE\\)$`, "m"),
  );
  assert.ok(!/^\s+at /m.test(running.err), "no stack trace");
});

test("without --config: the default file that is there", (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "millrace-default-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const config = { listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: ["http://a:1"] } }, routes: [{ upstream: "app" }] };
  fs.writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(join(folder, "millrace.config.ts"), `export default ${JSON.stringify(config)};\n`);
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, "check"], { cwd: folder, encoding: "utf8" });
  assert.equal((stdout + stderr).split("\n")[0], "millrace.config.ts is fine");
});

test("a log file: nothing else on stdout than the listeners, reopened on SIGUSR1, whatever the level", async (t) => {
  const { folder, file, write } = await setting(t, "");
  const logs = join(folder, "logs");
  fs.mkdirSync(logs);
  const log = join(logs, "app.log");
  write(`logging: { output: "${log}", level: error, format: text }`);
  const running = millrace(t, "run", "--config", file);
  const port = await listening(running);
  await ask(port, get("/one"));
  await reached(() => fs.readFileSync(log, "utf8").includes("/one"));
  fs.renameSync(log, `${log}.1`);
  running.child.kill("SIGUSR1");
  await reached(() => fs.existsSync(log));
  await ask(port, get("/two"));
  await reached(() => fs.readFileSync(log, "utf8").includes("/two"));

  await t.test("one that cannot be opened anew: said in both places, not that it was reopened", async () => {
    write(`logging: { output: "${log}", format: text }`);
    running.child.kill("SIGHUP");
    await reached(() => fs.readFileSync(log, "utf8").includes("config_reloaded"));
    fs.renameSync(logs, `${logs}.old`);
    running.child.kill("SIGUSR1");
    await reached(() => running.err.includes("cannot be opened anew (ENOENT)"));
  });

  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  const text = fs.readFileSync(join(`${logs}.old`, "app.log"), "utf8");
  assert.match(text, /log_output_failed .*ENOENT/);
  assert.doesNotMatch(text, /log_reopened/);
  assert.match(running.out, /^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
});

test("SIGUSR1 and SIGTERM before anything serves: no debugger, and an end like any other", { timeout: 60_000 }, async (t) => {
  const { folder } = await setting(t, "");
  const slow = join(folder, "slow.mjs");
  fs.writeFileSync(slow, 'console.log("reading");\nawait new Promise((resolve) => setTimeout(resolve, 60_000));\n');
  const running = millrace(t, "run", "--config", slow);
  await said(running, /reading/);
  running.child.kill("SIGUSR1");
  // Signals arrive in their order.
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.doesNotMatch(running.err, /Debugger/);
});

test("a configuration module that takes its time, or fails", { timeout: 60_000 }, async (t) => {
  const { folder, origin } = await setting(t, "");
  const file = join(folder, "taking-its-time.mjs");
  const gate = join(folder, "gate");
  const config = { listeners: [{ address: "127.0.0.1:0" }], upstreams: { app: { endpoints: [origin] } }, routes: [{ upstream: "app" }] };
  const write = (before: string): void => fs.writeFileSync(file, `${before}\nexport default ${JSON.stringify(config)};\n`);
  /** Evaluated, it waits until the gate is there. */
  const writeSlow = (name: string): void =>
    write(`import fs from "node:fs";
console.log("reading ${name}");
while (!fs.existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 10));
console.log("read ${name}");`);
  writeSlow("first");
  const running = millrace(t, "run", "--config", file);
  const reloads = (): number => running.out.split('"event":"config_reloaded"').length - 1;

  await t.test("a SIGHUP before anything serves is a reload once it does", async () => {
    await said(running, /^reading first$/m);
    running.child.kill("SIGHUP");
    fs.writeFileSync(gate, "");
    await said(running, LISTENING);
    await reached(() => reloads() === 1);
    fs.rmSync(gate);
  });

  await t.test("a reload that takes its time does not undo a later one", async () => {
    writeSlow("second");
    running.child.kill("SIGHUP");
    await said(running, /^reading second$/m);
    write("");
    running.child.kill("SIGHUP");
    await reached(() => reloads() === 2);
    fs.writeFileSync(gate, "");
    await said(running, /^read second$/m);
    // Reloads are done in their order: the first one would have come before this one is done.
    running.child.kill("SIGHUP");
    await reached(() => reloads() >= 3);
  });

  await t.test("a module that fails at a reload costs the reload, not the proxy", async () => {
    write('void Promise.reject(new Error("no secrets"));');
    running.child.kill("SIGHUP");
    await said(running, /"event":"config_refused".*the module failed: no secrets/);
    assert.equal((await ask(await listening(running), get("/"))).status, 200);
  });

  await t.test("a reload that the end of the process overtakes is refused in the log", async () => {
    fs.rmSync(gate);
    writeSlow("last");
    running.child.kill("SIGHUP");
    await said(running, /^reading last$/m);
    running.child.kill("SIGTERM");
    assert.equal(await running.ended, 0);
    assert.match(running.out, /"event":"config_refused","message":"not now: draining"/);
    assert.match(running.out, /"event":"stopped"/);
  });

  assert.equal(reloads(), 3);
});

test("nobody reads stdout any more: serving goes on", async (t) => {
  const { file } = await setting(t, "");
  const running = millrace(t, "run", "--config", file);
  const port = await listening(running);
  running.child.stdout?.destroy();
  for (let i = 0; i < 5; i++) assert.equal((await ask(port, get("/"))).status, 200);
  await reached(() => running.err.includes("EPIPE"));
  assert.equal((await ask(port, get("/"))).status, 200);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
});

test("require_healthy: exit 2 naming the endpoint and why; a SIGTERM while it waits is exit 0", async (t) => {
  const { file } = await setting(t, "startup: { require_healthy: true, wait: 300ms }");
  const text = fs.readFileSync(file, "utf8").replace(/http:\/\/127\.0\.0\.1:\d+/, "http://127.0.0.1:1");
  fs.writeFileSync(file, text);
  const failing = millrace(t, "run", "--config", file);
  assert.equal(await failing.ended, 2);
  assert.match(failing.err, /^millrace: upstream app: http:\/\/127\.0\.0\.1:1 is not healthy: connection refused$/m);

  fs.writeFileSync(file, text.replace("300ms", "1m"));
  const waiting = millrace(t, "run", "--config", file);
  await said(waiting, /"event":"starting"/);
  waiting.child.kill("SIGTERM");
  assert.equal(await waiting.ended, 0);
});

test("wrong arguments and wrong files: exit 1, said on stderr", async (t) => {
  const unknown = millrace(t, "rnu");
  assert.equal(await unknown.ended, 1);
  assert.equal(unknown.err, 'millrace: unknown command "rnu"; did you mean "run"?\n');
  const missing = millrace(t, "run", "--config", join(tmpdir(), "millrace-does-not-exist.yaml"));
  assert.equal(await missing.ended, 1);
  assert.match(missing.err, /millrace-does-not-exist\.yaml/);
  assert.ok(!/^\s+at /m.test(missing.err), "no stack trace");
});

test("output that cannot be written is no success", { skip: fs.existsSync("/dev/full") ? false : "there is no /dev/full" }, async (t) => {
  const full = fs.openSync("/dev/full", "w");
  t.after(() => fs.closeSync(full));
  const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", full, "pipe"] });
  let said = "";
  child.stderr?.on("data", (data) => (said += String(data)));
  const [code]: unknown[] = await once(child, "close");
  assert.deepEqual([code, said], [2, "millrace: the output cannot be written: ENOSPC\n"]);
});

test("version and help", async (t) => {
  const version = millrace(t, "--version");
  assert.equal(await version.ended, 0);
  assert.match(version.out, /^millrace \d+\.\d+\.\d+\n$/);
  const help = millrace(t, "--help");
  assert.equal(await help.ended, 0);
  assert.match(help.out, /millrace run/);
});

const noNamedPipes = spawnSync("mkfifo", ["--version"]).error === undefined ? false : "there is no mkfifo";

/** A named pipe; `full`: opened for writing, with nobody who reads and no room left. */
function namedPipe(t: TestContext, folder: string, full: boolean): { readonly path: string; readonly fd: number } {
  const path = join(folder, `pipe-${full ? "full" : "unread"}`);
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  if (!full) return { path, fd: -1 };
  const { O_RDWR, O_NONBLOCK } = fs.constants;
  // Whether a write blocks is decided anew by each opening: the process gets the one that does.
  const fd = fs.openSync(path, O_RDWR);
  const filler = fs.openSync(path, O_RDWR | O_NONBLOCK);
  t.after(() => fs.closeSync(fd));
  const some = Buffer.alloc(4096, "x");
  try {
    for (;;) fs.writeSync(filler, some);
  } catch {
    fs.closeSync(filler);
  }
  return { path, fd };
}

describe("output that nobody reads", { concurrency: true }, () => {
  test(
    "a log to a named pipe that nobody reads holds neither start, service, reopening nor stop",
    { skip: noNamedPipes, timeout: 60_000 },
    async (t) => {
      const { folder, file, write } = await setting(t, "");
      const { path } = namedPipe(t, folder, false);
      write(`logging: { output: "${path}" }`);
      const running = millrace(t, "run", "--config", file);
      const port = await listening(running);
      assert.equal((await ask(port, get("/"))).status, 200);
      await said(running, /^millrace: cannot write the log to .*pipe-unread: nobody reads it \(ENXIO\)/m);
      running.child.kill("SIGUSR1");
      assert.equal((await ask(port, get("/"))).status, 200);
      running.child.kill("SIGTERM");
      assert.equal(await running.ended, 0);
      assert.match(running.err, /; \d+ lines dropped$/m);
    },
  );

  for (const output of ["stdout", "a named pipe"]) {
    test(
      `standard output and error that nobody reads, the log to ${output}: serves and stops`,
      { skip: noNamedPipes, timeout: 60_000 },
      async (t) => {
        const socketFolder = fs.mkdtempSync(join(tmpdir(), "millrace-run-"));
        t.after(() => fs.rmSync(socketFolder, { recursive: true, force: true }));
        const socketPath = join(socketFolder, "s");
        const { folder, file, write } = await setting(t, "", [`unix:${socketPath}`]);
        const { path, fd } = namedPipe(t, folder, true);
        write(`logging: { output: "${output === "a named pipe" ? path : output}", format: text }`);
        const child = spawn(process.execPath, [MAIN, "run", "--config", file], { stdio: ["ignore", fd, fd] });
        t.after(() => child.kill("SIGKILL"));
        const ended = once(child, "exit");
        const answers = async (): Promise<boolean> => {
          const request = http.get({ socketPath, path: "/", agent: false });
          try {
            const [response]: http.IncomingMessage[] = await once(request, "response");
            response?.resume();
            return response?.statusCode === 200;
          } catch {
            return false;
          }
        };
        await reached(answers);
        child.kill("SIGUSR1");
        assert.ok(await answers());
        child.kill("SIGTERM");
        assert.deepEqual(await ended, [0, null]);
      },
    );
  }
});
