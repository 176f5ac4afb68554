/** `millrace hash-password` as a process, on a terminal and with a pipe. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { verifyPassword } from "../../src/passwords/verify-password.ts";
import { MAIN } from "../support/run-command.ts";

// `script` of util-linux runs a command in a terminal; --version tells it from that of other systems.
const hasTerminal = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;
const RUN = [process.execPath, MAIN, "hash-password", "--algorithm", "bcrypt", "--cost", "4", "--user", "alice"];

/** A process; what it has said on both streams, and how it is answered: each answer once its prompt stands there. */
async function converse(
  t: TestContext,
  [command = "", ...given]: readonly string[],
  answers: readonly (readonly [prompt: string, answer: string])[],
): Promise<{ said: string; code: unknown }> {
  const child = spawn(command, given, { stdio: ["pipe", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  const waiting = [...answers];
  const answer = (): void => {
    const [next] = waiting;
    if (next === undefined || !said.includes(next[0])) return;
    waiting.shift();
    child.stdin.write(next[1]);
    answer();
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      said += String(data);
      answer();
    });
  answer();
  if (waiting.length === 0) child.stdin.end();
  const [code] = await once(child, "close");
  return { said, code };
}

async function isLineOf(line: string, password: string): Promise<void> {
  const [, hash = ""] = /^alice:(\S+)$/.exec(line) ?? [];
  assert.equal(await verifyPassword(hash, Buffer.from(password)), "match", line);
}

test("a pipe: the password is its line", async (t) => {
  const { said, code } = await converse(t, RUN, [["", "pässwörd\n"]]);
  assert.equal(code, 0, said);
  await isLineOf(said.trimEnd(), "pässwörd");
});

test("a terminal is asked twice and shows no key of the password", { skip: !hasTerminal && "there is no script(1)" }, async (t) => {
  const inTerminal = ["script", "-qec", RUN.map((word) => `'${word}'`).join(" "), "/dev/null"];
  const { said, code } = await converse(t, inTerminal, [
    ["New password: ", "hunter2\r"],
    ["The same again: ", "hunter2\r"],
  ]);
  assert.equal(code, 0, said);
  const lines = said.split("\r\n");
  assert.deepEqual([lines[0], lines[1]], ["New password: ", "The same again: "]);
  await isLineOf(lines[2] ?? "", "hunter2");
  assert.doesNotMatch(said, /[*]|hunter/);
});

test("Ctrl-C on a terminal ends it", { skip: !hasTerminal && "there is no script(1)" }, async (t) => {
  const inTerminal = ["script", "-qec", RUN.map((word) => `'${word}'`).join(" "), "/dev/null"];
  const { said, code } = await converse(t, inTerminal, [["New password: ", "hunter2\x03"]]);
  assert.equal(code, 1, said);
  assert.equal(said, "New password: \r\nmillrace hash-password: no password was given\r\n");
});
