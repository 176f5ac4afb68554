import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs, { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BACKLOG_BYTES_MAX, LogSink } from "./sink.ts";
import type { SinkTrouble } from "./sink.ts";
import { ScriptedFiles } from "./scripted-files.fixture.ts";

function temporaryFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-sink-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "access.log");
}

function scripted(...script: (string | number)[]): ReturnType<typeof scriptedTo> {
  return scriptedTo("some/file", ...script);
}

function scriptedTo(
  output: string,
  ...script: (string | number)[]
): {
  files: ScriptedFiles;
  sink: LogSink;
  troubles: SinkTrouble[];
  clock: { now: number };
} {
  const files = new ScriptedFiles();
  files.script = script;
  const clock = { now: 0 };
  const sink = new LogSink({ output, now: () => clock.now, files });
  const troubles: SinkTrouble[] = [];
  sink.onTrouble = (trouble) => troubles.push(trouble);
  return { files, sink, troubles, clock };
}

test("lines go out in order, one write at a time, and waiting lines are joined", async () => {
  const { files, sink } = scripted("hold");
  let taken = 0;
  for (let i = 0; i < 100; i++) sink.write(`line ${i}\n`, 1, () => taken++);
  assert.equal(taken, 0);
  files.held?.();
  await sink.flush(5000);
  assert.equal(files.written, Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join(""));
  assert.equal(taken, 100);
});

test("a partial write goes on where it stopped", async () => {
  const { files, sink } = scripted(3, 1, 2);
  sink.write("abcdefghij\n");
  await sink.flush(5000);
  assert.equal(files.written, "abcdefghij\n");
});

test("EAGAIN and a full disk lose no line while the backlog has room", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { files, sink, troubles } = scripted("EAGAIN", 4, "ENOSPC");
  sink.write("a line\n");
  const flushed = sink.flush(60_000);
  for (let i = 0; i < 12; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1000);
  }
  await flushed;
  assert.equal(files.written, "a line\n");
  assert.equal(sink.dropped, 0);
  assert.deepEqual(
    troubles.map((trouble) => [trouble.event, trouble.code]),
    [["log_output_failed", "ENOSPC"]],
  );
});

test("beyond the backlog lines are dropped and counted, with one report a minute", async () => {
  const { files, sink, troubles, clock } = scripted("hold");
  const line = `${"x".repeat(64 * 1024 - 1)}\n`;
  let taken = 0;
  for (let i = 0; i < 100; i++) sink.write(line, 1, () => taken++);
  const kept = BACKLOG_BYTES_MAX / line.length;
  assert.equal(sink.dropped, 100 - kept);
  assert.equal(taken, 100 - kept, "a dropped line is taken, so that its worker goes on");
  assert.equal(troubles.length, 0, "a report now would be dropped too");
  files.held?.();
  await sink.flush(5000);
  assert.deepEqual(
    troubles.map((trouble) => [trouble.event, trouble.lines]),
    [["log_lines_dropped", 100 - kept]],
  );
  assert.equal(files.written.length, BACKLOG_BYTES_MAX);

  files.script = ["hold"];
  for (let i = 0; i < 100; i++) sink.write(line);
  files.held?.();
  await sink.flush(5000);
  assert.equal(troubles.length, 1, "not twice in a minute");
  clock.now = 60_000;
  sink.write("later\n");
  await sink.flush(5000);
  assert.equal(troubles[1]?.lines, sink.dropped - (100 - kept));
});

test("when the reader of stdout is gone, every further line is dropped, flush ends, and one report comes", async () => {
  const { files, sink, troubles } = scriptedTo("stdout", "EPIPE");
  sink.write("one\n");
  sink.write("two\n");
  await sink.flush(5000);
  sink.write("three\n");
  await sink.flush(5000);
  assert.equal(files.written, "");
  assert.equal(sink.dropped, 3);
  assert.deepEqual(
    troubles.map((trouble) => trouble.code),
    ["EPIPE"],
  );
});

test("flush gives up at its limit", async () => {
  const { sink } = scripted("hold");
  sink.write("stuck\n");
  await sink.flush(1);
});

test("flushSync writes all waiting lines, even by partial writes", () => {
  const { files, sink } = scripted("hold");
  sink.write("in flight\n");
  sink.write("waiting 1\n");
  sink.write("waiting 2\n");
  sink.flushSync();
  assert.equal(files.written, "waiting 1\nwaiting 2\n");
});

test("a real file is appended to and reopened after it was moved away", async (t) => {
  const path = temporaryFile(t);
  const first = new LogSink({ output: path, now: () => 0 });
  first.write("one\n");
  await first.close(5000);
  const sink = new LogSink({ output: path, now: () => 0 });
  sink.write("two é\n");
  await sink.flush(5000);
  renameSync(path, `${path}.1`);
  sink.write("three\n");
  const outcomes: (string | null)[] = [];
  sink.reopen((problem) => outcomes.push(problem));
  sink.write("four\n");
  await sink.close(5000);
  assert.equal(readFileSync(`${path}.1`, "utf8"), "one\ntwo é\nthree\n");
  assert.equal(readFileSync(path, "utf8"), "four\n");
  assert.deepEqual(outcomes, [null]);
  sink.write("late\n");
  assert.equal(sink.dropped, 1);
});

test("a file that is reopened within a line begins with the whole line", async () => {
  const { files, sink } = scripted(6);
  sink.write("one\ntwo\n");
  sink.reopen(() => undefined);
  await sink.flush(5000);
  assert.deepEqual([...files.taken.values()], ["one\ntw", "two\n"]);
});

test("a line that the callback of a reopening writes is written once", async () => {
  const { files, sink } = scripted("hold");
  sink.write("before\n");
  sink.reopen(() => sink.write("reopened\n"));
  files.held?.();
  sink.write("after\n");
  await sink.flush(5000);
  assert.equal(files.written, "before\nreopened\nafter\n");
});

test("a reopening that fails keeps the old file, reports it once, and is repeated until it succeeds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { files, sink } = scripted();
  const open = files.open.bind(files);
  files.open = () => {
    throw Object.assign(new Error("EACCES"), { code: "EACCES" });
  };
  const outcomes: (string | null)[] = [];
  sink.reopen((problem) => outcomes.push(problem));
  sink.write("still here\n");
  while (files.written === "") await new Promise(setImmediate);
  assert.equal(files.written, "still here\n");
  assert.deepEqual(files.closed, []);
  t.mock.timers.tick(5000);
  t.mock.timers.tick(5000);
  assert.deepEqual(outcomes, ["EACCES"]);
  files.open = open;
  t.mock.timers.tick(5000);
  assert.deepEqual(outcomes, ["EACCES", null]);
  assert.equal(files.closed.length, 1);
});

test("another output gets the waiting lines, after the old output has finished the line that it has begun", async () => {
  const { files, sink } = scripted("hold");
  sink.write("one\n");
  sink.write("two\n");
  sink.use(sink.open("other/file"));
  sink.write("three\n");
  assert.deepEqual(files.closed, [], "a write is under way");
  files.held?.();
  await sink.flush(5000);
  assert.deepEqual(
    [[...files.taken.entries()], files.closed, sink.dropped],
    [
      [
        [10, "one\n"],
        [11, "two\nthree\n"],
      ],
      [10],
      0,
    ],
  );
  files.script = [3, "EAGAIN", 1, "EAGAIN"];
  sink.write("four\nfive\n");
  sink.use(sink.open("third/file"));
  await sink.flush(5000);
  assert.deepEqual([files.taken.get(11), files.taken.get(12)], ["two\nthree\nfour\nfive\n", undefined]);
  sink.write("six\n");
  sink.use(sink.open("fourth/file"));
  sink.use(sink.open("fifth/file"));
  await sink.flush(5000);
  assert.deepEqual(
    [files.opened.slice(-2), files.closed, files.written.endsWith("six\n")],
    [["fourth/file", "fifth/file"], [10, 11, 13, 12], true],
  );
});

test("a line that the old output does not take to its end is whole in the next one", async () => {
  for (const code of ["EAGAIN", "ENOSPC"]) {
    const { files, sink, clock } = scripted(6, ...Array.from({ length: 1000 }, () => code));
    sink.write("one\ntwo\n");
    sink.write("three\n");
    const tries = (): number => 1001 - files.script.length;
    while (tries() < 2) await new Promise(setImmediate);
    sink.use(sink.open("other/file"));
    // The clock of this test stands still. A slow reader is waited for; a full disk is not.
    if (code === "EAGAIN") {
      while (tries() < 5) await new Promise((next) => setTimeout(next, 1));
      assert.deepEqual(files.closed, []);
      clock.now = 1000;
    }
    while (files.closed.length === 0) await new Promise((next) => setTimeout(next, 1));
    files.script = [];
    await sink.flush(5000);
    assert.deepEqual([files.taken.get(10), files.taken.get(11), sink.dropped], ["one\ntw", "two\nthree\n", 0], code);
  }
});

test("another output takes over from one that takes nothing, is full, broken or waits to be reopened", async (t) => {
  for (const code of ["EAGAIN", "ENOSPC", "EPIPE"]) {
    const { files, sink } = scripted(code);
    sink.write("waits\n");
    await new Promise(setImmediate);
    sink.use(sink.open("other/file"));
    await sink.flush(5000);
    assert.deepEqual([files.taken.get(11), sink.dropped], ["waits\n", 0], code);
  }
  const { files, sink } = scriptedTo("stdout", "EPIPE");
  sink.write("lost\n");
  await sink.flush(5000);
  sink.use(sink.open("other/file"));
  sink.write("found\n");
  await sink.flush(5000);
  assert.deepEqual([files.taken.get(11), sink.dropped], ["found\n", 1]);

  t.mock.timers.enable({ apis: ["setTimeout"] });
  const open = files.open.bind(files);
  files.open = () => {
    throw Object.assign(new Error("EACCES"), { code: "EACCES" });
  };
  const outcomes: (string | null)[] = [];
  sink.reopen((problem) => outcomes.push(problem));
  files.open = open;
  sink.use(sink.open("third/file"));
  t.mock.timers.tick(10_000);
  assert.deepEqual([outcomes, files.opened.at(-1)], [["EACCES", null], "third/file"]);
});

test("the old output gets a last line of its own, unless it does not take it at once", async () => {
  const { files, sink } = scripted("hold");
  sink.write("one\n");
  sink.use(sink.open("other/file"), "last\n");
  sink.write("two\n");
  files.held?.();
  await sink.flush(5000);
  assert.deepEqual([files.taken.get(10), files.taken.get(11), files.closed, sink.dropped], ["one\nlast\n", "two\n", [10], 0]);
  for (const code of ["EAGAIN", "ENOSPC", "EPIPE"]) {
    files.script = [code];
    const [fd] = [...files.taken.keys()].slice(-1);
    const before = files.taken.get(fd ?? 0);
    sink.use(sink.open("next/file"), "not taken\n");
    sink.write(`${code}\n`);
    await sink.flush(5000);
    assert.deepEqual([files.taken.get(fd ?? 0), [...files.taken.values()].at(-1)], [before, `${code}\n`]);
  }
  assert.equal(sink.destination, "next/file");
});

test("an output that cannot be opened, or is not used after all, changes nothing", async () => {
  const { files, sink } = scripted();
  assert.throws(() => sink.open("missing/file"), { code: "ENOENT" });
  sink.discard(sink.open("other/file"));
  sink.write("here\n");
  await sink.flush(5000);
  assert.deepEqual([[...files.taken.entries()], files.closed], [[[10, "here\n"]], [11]]);
});

test("lines that could not be written before the end are counted and reported", async () => {
  const { files, sink, troubles } = scripted();
  files.script = ["ENOSPC", "ENOSPC"];
  sink.write("one\ntwo\n", 2);
  sink.write("three\n");
  // On a busy machine the time limit of `close` may pass before the first write has failed.
  await new Promise(setImmediate);
  await sink.close(20);
  assert.equal(sink.dropped, 3);
  assert.equal(troubles.at(-1)?.lines, 3);
  assert.match(troubles.at(-1)?.message ?? "", /ENOSPC/);
});

test("a file that cannot be opened is an error at once", () => {
  assert.throws(() => new LogSink({ output: "missing/file", now: () => 0, files: new ScriptedFiles() }), { code: "ENOENT" });
});

test("lines for a named pipe that nobody reads wait within bounds, with a report each minute, and go out when a reader comes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { files, troubles } = scripted();
  files.unread = true;
  const waiting = new LogSink({ output: "pipe", now: () => 0, files });
  waiting.onTrouble = (trouble) => troubles.push(trouble);
  const line = `${"x".repeat(64 * 1024 - 1)}\n`;
  for (let i = 0; i < 100; i++) waiting.write(line);
  for (let i = 0; i < 20; i++) t.mock.timers.tick(250);
  assert.equal(waiting.dropped, 100 - BACKLOG_BYTES_MAX / line.length);
  assert.deepEqual(
    troubles.map(({ event, code, message }) => [event, code, message]),
    [["log_output_failed", "ENXIO", "cannot write the log to pipe: nobody reads it (ENXIO)"]],
  );
  files.unread = false;
  t.mock.timers.tick(250);
  t.mock.timers.reset();
  await waiting.flush(5000);
  assert.equal(files.written.length, BACKLOG_BYTES_MAX);
});

test("after the reader of a named pipe has left, the next reader begins with a whole line", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { files, sink, troubles } = scripted("hold", 13, "EPIPE");
  sink.write("first line\n");
  sink.write("second line\n");
  sink.write("third line\n");
  files.held?.();
  // The second write takes two bytes of the third line, the next one fails.
  while (files.closed.length === 0) await new Promise(setImmediate);
  assert.deepEqual(
    troubles.map(({ code }) => code),
    ["EPIPE"],
  );
  files.unread = true;
  t.mock.timers.tick(250);
  sink.write("fourth line\n");
  files.unread = false;
  t.mock.timers.tick(250);
  t.mock.timers.reset();
  await sink.flush(5000);
  assert.deepEqual([...files.taken.values()], ["first line\nsecond line\nt", "third line\nfourth line\n"]);
  assert.equal(sink.dropped, 0);
});

test("closing does not wait for a reader of a named pipe, and counts what is lost", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { files, troubles } = scripted();
  files.unread = true;
  const sink = new LogSink({ output: "pipe", now: () => 0, files });
  sink.onTrouble = (trouble) => troubles.push(trouble);
  sink.write("one\n");
  await sink.close(60_000);
  assert.equal(sink.dropped, 1);
  assert.equal(troubles.at(-1)?.lines, 1);
  sink.flushSync();
  assert.equal(files.written, "");
});

test("flushSync waits a moment for a slow reader, and no longer", () => {
  const { files, sink } = scripted("hold");
  sink.write("in flight\n");
  sink.write("waiting\n");
  files.script = ["EAGAIN", "EAGAIN", "EAGAIN", 100];
  sink.flushSync();
  assert.equal(files.written, "waiting\n");
  sink.write("never\n");
  files.script = ["EAGAIN"];
  sink.flushSync();
  assert.equal(files.written, "waiting\n");
});

const noNamedPipes = process.platform === "win32" || spawnSync("mkfifo", ["--version"]).error !== undefined ? "there is no mkfifo" : false;

function namedPipe(t: TestContext): string {
  const path = temporaryFile(t);
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  return path;
}

/** Reads without waiting until nothing more is there. */
function readAll(fd: number): string {
  let text = "";
  const buffer = Buffer.alloc(1 << 16);
  for (;;) {
    try {
      const bytes = fs.readSync(fd, buffer);
      if (bytes === 0) return text;
      text += buffer.toString("latin1", 0, bytes);
    } catch {
      return text;
    }
  }
}

test("a real named pipe: without a reader, with one, full, reopened, and left", { skip: noNamedPipes, timeout: 30_000 }, async (t) => {
  const path = namedPipe(t);
  const sink = new LogSink({ output: path, now: () => 0 });
  sink.write("before anybody reads\n");
  const open = (): number => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const first = open();
  await sink.flush(10_000);
  assert.equal(readAll(first), "before anybody reads\n");

  // This is far more than a pipe holds. The writer waits until somebody reads, and goes on at once then.
  const line = `${"y".repeat(1023)}\n`;
  for (let i = 0; i < 1000; i++) sink.write(line);
  await sink.flush(50);
  let text = "";
  const flushed = sink.flush(10_000).then(() => true);
  while (text.length < 1000 * line.length) {
    text += readAll(first);
    await new Promise(setImmediate);
  }
  assert.ok(await flushed);
  assert.equal(text, line.repeat(1000));

  const outcomes: (string | null)[] = [];
  sink.reopen((problem) => outcomes.push(problem));
  sink.write("after the reopening\n");
  await sink.flush(10_000);
  assert.deepEqual([outcomes, readAll(first)], [[null], "after the reopening\n"]);

  fs.closeSync(first);
  sink.reopen((problem) => outcomes.push(problem));
  assert.deepEqual(outcomes, [null, null], "without a reader too");
  sink.write("nobody is there\n");
  const second = open();
  await sink.flush(10_000);
  assert.equal(readAll(second), "nobody is there\n");
  fs.closeSync(second);
  assert.equal(sink.dropped, 0);
  await sink.close(0);
});
