import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedFiles } from "./scripted-files.fixture.ts";
import { LogSink } from "./sink.ts";

/** Marks each line, as colours would. */
function paint(lines: Uint8Array): Uint8Array {
  return Buffer.from(
    Buffer.from(lines)
      .toString()
      .replace(/^(.+)$/gm, "<$1>"),
  );
}

test("a terminal gets coloured lines, any other output plain ones", async () => {
  const files = new ScriptedFiles();
  files.terminals.add("stdout");
  const sink = new LogSink({ output: "stdout", now: () => 0, files, paint });
  assert.ok(sink.isTerminal);
  sink.write("one\ntwo\n", 2);
  await sink.flush(5000);
  const opened = sink.open("file");
  assert.ok(!opened.isTerminal);
  sink.use(opened, "moved\n");
  assert.ok(!sink.isTerminal);
  sink.write("three\n");
  await sink.flush(5000);
  sink.use(sink.open("stdout"), "back\n");
  sink.write("four\n");
  await sink.flush(5000);
  assert.equal(files.written, "<one>\n<two>\n<moved>\nthree\nback\n<four>\n");
});

test("lines that wait for a terminal come without colours where another output takes them, each whole and once", async () => {
  const files = new ScriptedFiles();
  files.terminals.add("stdout");
  // The terminal takes the first line and a part of the second, and is stopped then.
  files.script = [8, "EAGAIN"];
  let now = 0;
  const sink = new LogSink({ output: "stdout", now: () => now, files, paint });
  sink.write("one\ntwo\nthree\n", 3);
  await new Promise((resolve) => setImmediate(resolve));
  sink.use(sink.open("file"));
  now = 10_000;
  await sink.flush(5000);
  assert.equal(files.taken.get(10), "<one>\n<t");
  assert.equal(files.taken.get(11), "two\nthree\n");
});

test("the last lines before an exit have colours on a terminal", () => {
  const files = new ScriptedFiles();
  files.terminals.add("stdout");
  files.script = ["hold"];
  const sink = new LogSink({ output: "stdout", now: () => 0, files, paint });
  sink.write("one\n");
  sink.write("two\n");
  files.script = [3];
  sink.flushSync();
  assert.equal(files.written, "<two>\n");
});
