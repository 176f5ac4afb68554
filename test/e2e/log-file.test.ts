/** A log file says by itself what the terminal says: whoever reads only the file misses nothing, and whoever reads both sees nothing twice. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { LISTENING, MAIN, listening, millrace, reached, said, setting } from "../support/run-command.ts";

test("a log file says by itself what listens where, where the log goes on, and why a start failed", { timeout: 60_000 }, async (t) => {
  const { folder, file, origin, write } = await setting(t, "");
  const [first, second] = ["first.log", "second.log"].map((name) => join(folder, name)) as [string, string];
  const admin = 'admin: { address: "127.0.0.1:0" }';
  const events = (log: string, name: string): Record<string, unknown>[] =>
    fs
      .readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter(({ event }) => event === name);
  write(`logging: { output: "${first}" }\n${admin}`);
  const running = millrace(t, "run", "--config", file);
  const port = await listening(running);
  const [, adminPort = ""] = await said(running, /admin on http:\/\/127\.0\.0\.1:(\d+)/);
  await reached(() => events(first, "started").length === 1);
  assert.deepEqual(
    events(first, "listening").map(({ url }) => url),
    [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`],
  );

  write(`logging: { output: "${second}" }`);
  running.child.kill("SIGHUP");
  await reached(() => fs.existsSync(second) && fs.readFileSync(second, "utf8").includes("config_reloaded"));
  assert.match(fs.readFileSync(first, "utf8"), /"event":"log_moved","message":"the log goes on in [^"]*second\.log"\}\n$/);

  await t.test("a refused reload leaves no file of the output that it names", async () => {
    const third = join(folder, "third.log");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(second, third).replace("127.0.0.1:0", origin.slice("http://".length)));
    running.child.kill("SIGHUP");
    await reached(() => events(second, "config_refused").length > 0);
    assert.ok(!fs.existsSync(third));
  });
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.equal(running.out.match(/listening on/g)?.length, 1);

  const failing = millrace(t, "run", "--config", file);
  assert.equal(await failing.ended, 2);
  const [{ message = "" } = {}] = events(join(folder, "third.log"), "start_failed");
  assert.match(String(message), /^cannot listen on 127\.0\.0\.1:\d+: the address is in use \(EADDRINUSE\)/);
  assert.match(failing.err, /^millrace: cannot listen on .*\n$/);
});

test("an error of the process's own is the last line of a log file", { timeout: 60_000 }, async (t) => {
  const { folder, file, write } = await setting(t, "");
  const log = join(folder, "app.log");
  write(`logging: { output: "${log}" }`);
  const fault = 'data:text/javascript,process.on("SIGUSR2", () => { throw new Error("a fault"); })';
  const child = spawn(process.execPath, ["--import", fault, MAIN, "run", "--config", file], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  await reached(() => fs.existsSync(log) && fs.readFileSync(log, "utf8").includes('"event":"started"'));
  child.kill("SIGUSR2");
  assert.deepEqual(await once(child, "exit"), [2, null]);
  const last = fs.readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  assert.match(last, /"level":"error","event":"internal_error","message":"internal error: Error: a fault \|/);
});

test("a log that goes where stdout and stderr go has each line once", async (t) => {
  const { folder, file, write } = await setting(t, "");
  const all = join(folder, "all.log");
  write(`logging: { output: "${all}", format: text }`);
  const printed = fs.openSync(all, "a");
  t.after(() => fs.closeSync(printed));
  const start = (): ChildProcess => spawn(process.execPath, [MAIN, "run", "--config", file], { stdio: ["ignore", printed, printed] });
  const text = (): string => fs.readFileSync(all, "utf8");
  const running = start();
  t.after(() => running.kill("SIGKILL"));
  await reached(() => text().includes(" started "));
  const [, port = ""] = LISTENING.exec(text()) ?? [];
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("127.0.0.1:0", `127.0.0.1:${port}`));
  const failing = start();
  t.after(() => failing.kill("SIGKILL"));
  assert.deepEqual(await once(failing, "exit"), [2, null]);
  running.kill("SIGTERM");
  await once(running, "exit");
  assert.equal(text().match(/listening on/g)?.length, 1);
  assert.equal(text().match(/cannot listen on/g)?.length, 1);
});
