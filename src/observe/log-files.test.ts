import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import fs, { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogSink } from "./sink.ts";

function temporaryFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-sink-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "access.log");
}

test("the file of an output that is not used after all is removed if it was created for it and is empty", (t) => {
  const file = temporaryFile(t);
  const sink = new LogSink({ output: file, now: () => 0 });
  const other = `${file}.other`;
  sink.discard(sink.open(other));
  assert.ok(!fs.existsSync(other));
  // One that was there, that somebody has written to, or that took the place of the created one stays.
  fs.writeFileSync(other, "");
  sink.discard(sink.open(other));
  assert.ok(fs.existsSync(other));
  fs.rmSync(other);
  const written = sink.open(other);
  fs.writeFileSync(other, "a line\n");
  sink.discard(written);
  assert.equal(readFileSync(other, "utf8"), "a line\n");
  fs.rmSync(other);
  const replaced = sink.open(other);
  renameSync(other, `${other}.moved`);
  fs.writeFileSync(other, "");
  sink.discard(replaced);
  assert.ok(fs.existsSync(other));
  fs.rmSync(other);
  fs.symlinkSync(`${other}.target`, other);
  sink.discard(sink.open(other));
  assert.ok(fs.lstatSync(other).isSymbolicLink());
});
