import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Processes, findProgram, freePort, missingProgram, programVersion } from "./processes.ts";

const LINUX = process.platform === "linux" ? false : "taskset pins processes";
const ANY_CORE = "0-1023";

test("waits for what a program prints, and ends the program", { skip: LINUX }, async () => {
  const processes = new Processes();
  const { pid, match } = await processes.until(
    script("console.log('open 12'); setInterval(() => 0, 1000)"),
    ANY_CORE,
    /open (\d+)/,
    20_000,
  );
  assert.equal(match[1], "12");
  assert.ok(isRunning(pid));
  await processes.end(pid);
  assert.ok(!isRunning(pid));
});

test("a program that does not end is killed together with its children", { skip: LINUX }, async () => {
  const processes = new Processes(200);
  const stubborn = `process.on("SIGTERM", () => 0); setInterval(() => 0, 1000);`;
  const parent = `const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ["-e", ${JSON.stringify(`${stubborn} console.log("ready")`)}]);
    child.stdout.on("data", () => console.log("child " + child.pid));
    ${stubborn}`;
  const { pid, match } = await processes.until(script(parent), ANY_CORE, /child (\d+)/, 20_000);
  await processes.endAll();
  assert.ok(!isRunning(pid));
  const deadline = performance.now() + 10_000;
  while (isRunning(Number(match[1])) && performance.now() < deadline) await delay(10);
  assert.ok(!isRunning(Number(match[1])));
});

test("no program is started after endAll", { skip: LINUX }, async () => {
  const processes = new Processes();
  await processes.endAll();
  assert.ok(processes.areEnding);
  await assert.rejects(processes.run(script(""), ANY_CORE), /ending/);
});

test("failures tell what the program said", { skip: LINUX }, async () => {
  const processes = new Processes();
  const failing = script("console.error('out of luck'); process.exit(3)");
  await assert.rejects(processes.run(failing, ANY_CORE), /ended with 3: out of luck/);
  await assert.rejects(processes.until(failing, ANY_CORE, /ready/, 20_000), /out of luck/);
  await assert.rejects(processes.serve(failing, ANY_CORE, await freePort()), /ended at its start: out of luck/);
});

test("reports how a program ended, and what it printed", { skip: LINUX }, async () => {
  const processes = new Processes();
  const { pid } = await processes.until(
    script("console.log('up'); setTimeout(() => { throw new Error('oh no') }, 50)"),
    ANY_CORE,
    /up/,
    20_000,
  );
  const deadline = performance.now() + 10_000;
  while ((await processes.whyEnded(pid)) === null && performance.now() < deadline) await delay(10);
  assert.match((await processes.whyEnded(pid)) ?? "", /^it ended with 1: up[^]*oh no/);
});

test("a batch process is one, and keeps its process id", { skip: LINUX }, async () => {
  const processes = new Processes();
  const argv = processes.asBatch(script("console.log('id ' + process.pid); setInterval(() => 0, 1000)"));
  const { pid, match } = await processes.until(argv, ANY_CORE, /id (\d+)/, 20_000);
  assert.equal(Number(match[1]), pid);
  assert.equal(policyOf(pid), SCHED_BATCH);
  await processes.endAll();
});

test("real-time priority applies to every program started after the call, if it is permitted", { skip: LINUX }, async () => {
  const processes = new Processes();
  const mayBe = processes.beRealtime();
  const argv = processes.asBatch(script("console.log('id ' + process.pid); setInterval(() => 0, 1000)"));
  const { pid, match } = await processes.until(argv, ANY_CORE, /id (\d+)/, 20_000);
  assert.equal(Number(match[1]), pid);
  assert.equal(policyOf(pid), mayBe ? SCHED_RR : SCHED_BATCH);
  await processes.endAll();
});

test("lines are answered by lines, until the program ends", { skip: LINUX }, async () => {
  const processes = new Processes();
  const shouting = `require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "die") throw new Error("as told");
    console.log(line.toUpperCase());
  })`;
  const { ask } = processes.answering(script(shouting), ANY_CORE);
  assert.equal(await ask("one"), "ONE");
  assert.equal(await ask("two"), "TWO");
  await assert.rejects(ask("die"), /it ended: [^]*as told/);
  await assert.rejects(ask("more"), /it ended/);
  await processes.endAll();
});

test("a missing program is named with the command that installs it", () => {
  assert.equal(findProgram("no-such-program"), null);
  assert.equal(missingProgram("no-such-program", "its-package"), "no-such-program is not installed: apt-get install its-package");
  assert.equal(missingProgram("sh"), null);
});

test("finds a program's version on stdout or stderr, and none for a missing program", { skip: LINUX }, () => {
  assert.match(programVersion("taskset", "--version"), /^2\.\d/);
  assert.equal(programVersion("sh", "-c", "echo shell version: shell/1.22.1-beta >&2"), "1.22.1-beta");
  assert.equal(programVersion("sh", "-c", "echo none"), "");
  assert.equal(programVersion("no-such-program"), "");
});

/** sched(7), as numbers. */
const SCHED_RR = "2";
const SCHED_BATCH = "3";

/** proc_pid_stat(5): field 41. */
function policyOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[41 - 3];
}

function script(code: string): string[] {
  return [process.execPath, "-e", code];
}

/** A zombie, which waits only for its parent to ask, has ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readStatus(pid));
  } catch {
    return false;
  }
}

function readStatus(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}
