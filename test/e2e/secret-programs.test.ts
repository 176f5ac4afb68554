/** Programs that print secrets, as real processes: how they are run and ended, and what is said of those that fail. When they run: src/control/secrets. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { OUTPUT_BYTES_MAX, runCommand } from "../../src/control/secrets/run-command.ts";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { reached } from "../support/run-command.ts";

const CANARY = "canary-4711-secret";

interface Asked {
  readonly timeoutMs?: number;
  readonly hidden?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

/** Runs a program; an Error is its failure. */
async function run(exec: readonly string[], asked: Asked = {}): Promise<string | Error> {
  const { timeoutMs = 20_000, hidden = [], environment = { PATH: process.env["PATH"] ?? "" }, folder = "/", signal } = asked;
  return await runCommand({ exec, folder, environment, timeoutMs, hidden }, signal ?? new AbortController().signal).catch(
    (error: unknown) => (error instanceof Error ? error : assert.fail()),
  );
}

const shell = (script: string, asked?: Asked): Promise<string | Error> => run(["sh", "-c", script], asked);

async function failure(script: string, asked?: Asked): Promise<string> {
  const result = await shell(script, asked);
  assert.ok(result instanceof Error, "it succeeded");
  return result.message;
}

/** Waits until a process is gone. One that has ended and was not collected is gone too. */
async function gone(pid: number): Promise<void> {
  await reached(() => !existsSync(`/proc/${pid}/stat`) || /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
}

test("its only line is the secret; no shell is between, and it has the environment, its folder and no input", async (t) => {
  const folder = moduleFolder(t, {});
  assert.equal(await run(["printf", "%s", `${CANARY} $HOME; x`]), `${CANARY} $HOME; x`);
  assert.equal(await shell("printf 'two words \\r\\n\\n'"), "two words ");
  assert.equal(await shell("echo $GIVEN", { environment: { PATH: process.env["PATH"] ?? "", GIVEN: CANARY } }), CANARY);
  assert.equal(await shell("pwd -P; cat", { folder: "/" }), "/");
  assert.equal(await shell("echo warning >&2; echo x"), "x", "what it says besides is no failure");
  const { path: place } = folder;
  assert.equal(await shell(`printf '#!/bin/sh\\necho own' > get; chmod +x get; sync get; echo ok`, { folder: place }), "ok");
  assert.equal(await run(["./get"], { folder: place }), "own");
});

test("a failure says how it ended and the first line of what it wrote to stderr, cleaned and short", async () => {
  assert.equal(await failure("echo no such key >&2; echo second line >&2; exit 7"), "the program sh ended with exit code 7: no such key");
  assert.equal(await failure("exit 1"), "the program sh ended with exit code 1");
  assert.equal(await failure("printf '\\n\\033[31mred\\a\\tone\\r\\nx' >&2; exit 2"), "the program sh ended with exit code 2: [31mredone");
  assert.match(await failure("printf '%0500d' 1 >&2; exit 2"), /^the program sh ended with exit code 2: 0{200}\.\.\.$/);
  assert.equal(await failure("kill -9 $$"), "the program sh was ended by SIGKILL");
  assert.equal(await failure(":"), "the program sh printed nothing");
  assert.equal(await failure("echo a; echo b"), "the program sh printed 2 lines; a secret is the only line");
  assert.equal(await failure("printf '\\377'"), "the program sh printed what is not in UTF-8");
  const missing = await run([path.join("/", "no", "such", "program")]);
  assert.match(String(missing), /^Error: the program \/no\/such\/program does not exist, or its folder does not$/);
  assert.match(String(await run(["/etc/passwd"])), /the program \/etc\/passwd may not be run by this user$/);
  assert.match(String(await run(["sh"], { folder: "/no/such/folder" })), /does not exist, or its folder does not$/);
});

test("no failure shows what it printed, what is hidden, or a credential of its environment", async () => {
  const hides = "(its message is not shown: the secret may stand in it)";
  assert.equal(await failure(`echo ${CANARY}; echo "bad ${CANARY}" >&2; exit 3`), `the program sh ended with exit code 3 ${hides}`);
  assert.equal(await failure(`echo "bad ${CANARY}" >&2; exit 3`, { hidden: [CANARY] }), `the program sh ended with exit code 3 ${hides}`);
  const environment = { PATH: process.env["PATH"] ?? "", VAULT_TOKEN: CANARY };
  assert.equal(await failure('echo "denied $VAULT_TOKEN" >&2; exit 3', { environment }), `the program sh ended with exit code 3 ${hides}`);
  assert.equal(
    await failure(`echo ${CANARY}; echo ${CANARY} >&2; echo more`),
    `the program sh printed 2 lines; a secret is the only line ${hides}`,
  );
  const split = await failure(`printf '${CANARY}' >&2; exit 3`, { hidden: [CANARY, "", "ab"] });
  assert.equal(split, `the program sh ended with exit code 3 ${hides}`);
  const named = await run([CANARY], { hidden: [CANARY] });
  assert.match(String(named), /^Error: the program \(its name is not shown\) does not exist/);
});

test("one that lasts too long, prints without end or is not needed any more is killed with what it has started", async (t: TestContext) => {
  const folder = moduleFolder(t, {});
  const both = "sleep 1000 & echo $! > pid; wait";
  const pid = async (): Promise<number> => {
    const file = path.join(folder.path, "pid");
    await reached(() => existsSync(file) && readFileSync(file, "utf8") !== "");
    return Number(readFileSync(file, "utf8"));
  };
  assert.equal(
    await failure(`echo slow >&2; ${both}`, { folder: folder.path, timeoutMs: 3000 }),
    "the program sh has not ended within 3000 ms: slow",
  );
  await gone(await pid());

  assert.equal(await failure(`yes ${CANARY}`), `the program sh printed more than ${OUTPUT_BYTES_MAX} bytes`);

  folder.write("pid", "");
  const end = new AbortController();
  const run = failure(both, { folder: folder.path, signal: end.signal });
  const started = await pid();
  end.abort();
  assert.equal(await run, "the program sh was ended, because the proxy ends");
  await gone(started);
  assert.equal(await failure("echo x", { signal: AbortSignal.abort() }), "the program sh was ended, because the proxy ends");
});

test("one that leaves something running behind, which holds its output open, has ended all the same", async () => {
  const result = await shell("sleep 1000 & echo $!");
  assert.match(String(result), /^\d+$/);
  process.kill(Number(result), "SIGKILL");
});
