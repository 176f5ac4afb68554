/** The program that sets DNS records for dns-01: what it is told, and what becomes of it when it fails, hangs or is missing. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { Challenge } from "../../src/acme/challenge.ts";
import { runDnsHook } from "../../src/control/acme/dns-hook.ts";

const folder = mkdtempSync(path.join(tmpdir(), "millrace-hook-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const CHALLENGE: Challenge = { type: "dns-01", name: "example.com", token: "token", keyAuthorization: "token.thumbprint" };
const never = new AbortController().signal;
const script = (code: string): readonly string[] => [process.execPath, "-e", code, "--"];

test("it gets the action, the name of the record and its value, after its own arguments and without a shell", async () => {
  const file = path.join(folder, "told");
  const code = `require("node:fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.argv.slice(1)))`;
  await runDnsHook([...script(code), "a b", "$HOME;`id`"], "present", CHALLENGE, 30_000, never);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), [
    "a b",
    "$HOME;`id`",
    "present",
    "_acme-challenge.example.com",
    "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I",
  ]);
});

test("a program that fails says why, shortened", async () => {
  const failing = runDnsHook(
    script('console.error("no such zone" + "!".repeat(5000)); process.exit(3)'),
    "present",
    CHALLENGE,
    30_000,
    never,
  );
  await assert.rejects(failing, ({ message }: Error) => /present ended with 3: no such zone!+$/.test(message) && message.length < 600);
});

test("a program that hangs is killed, though one that it left behind holds its output open", async () => {
  const code = 'require("node:child_process").spawn("sleep", ["3"], { stdio: "inherit" }); setInterval(() => {}, 1000)';
  await assert.rejects(runDnsHook(script(code), "remove", CHALLENGE, 500, never), /remove was ended by SIGKILL/);
});

test("a program that is not there, and one whose order is given up", async () => {
  await assert.rejects(
    runDnsHook([path.join(folder, "none")], "present", CHALLENGE, 1000, never),
    /none present could not be run \(.*ENOENT/,
  );
  const abort = new AbortController();
  const hanging = runDnsHook(script("setInterval(() => {}, 1000)"), "present", CHALLENGE, 30_000, abort.signal);
  abort.abort();
  await assert.rejects(hanging, /could not be run|was ended by/);
});
