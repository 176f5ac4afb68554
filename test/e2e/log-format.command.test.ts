/** The format of the log where the configuration names none: text on a terminal, JSON elsewhere. The real command, in a terminal of its own. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { MAIN, setting } from "../support/run-command.ts";

// `script` of util-linux runs a command in a terminal; --version tells it from that of other systems.
const hasTerminal = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;

/** What a process says on stdout that cannot listen, and so ends by itself. */
async function output(file: string, environment: Readonly<Record<string, string>>, inTerminal: boolean): Promise<string> {
  const run = [process.execPath, MAIN, "run", "--config", file];
  const [command = "", ...given] = inTerminal ? ["script", "-qec", run.map((word) => `'${word}'`).join(" "), "/dev/null"] : run;
  return new Promise((resolve) => {
    execFile(command, given, { env: { ...environment, PATH: process.env["PATH"] } }, (_error, stdout) => resolve(stdout));
  });
}

test(
  "the log: text on a terminal, with colours where they are wanted, else JSON",
  { skip: !hasTerminal && "there is no script(1)" },
  async (t) => {
    // An address that no machine has (RFC 5737).
    const { file } = await setting(t, "", ["192.0.2.1:0"]);
    const [coloured, plain, elsewhere] = await Promise.all([
      output(file, { TERM: "xterm" }, true),
      output(file, { TERM: "xterm", NO_COLOR: "1" }, true),
      output(file, { TERM: "xterm", FORCE_COLOR: "1" }, false),
    ]);
    assert.match(coloured.replaceAll("\x1b", "ESC"), /^ESC\[2m\d{4}-\S+ZESC\[22m ESC\[32mINFOESC\[39m {2}ESC\[36mstartingESC\[39m /m);
    assert.match(plain, /^\d{4}-\S+Z INFO {2}starting /m);
    assert.match(elsewhere, /^\{"time":"[^"]+","level":"info","event":"starting"/m);
  },
);
