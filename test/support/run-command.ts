/** Runs the command as a process of its own, for tests of what it prints and how it ends. */
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startOrigin } from "../../src/cli/demo-origin.ts";

export const MAIN: string = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Process {
  readonly child: ChildProcess;
  out: string;
  err: string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

export function millrace(t: TestContext, ...given: readonly string[]): Process {
  const child = spawn(process.execPath, [MAIN, ...given], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close").then(([code, signal]: unknown[]) => (typeof code === "number" ? code : String(signal)));
  const running: Process = { child, out: "", err: "", ended };
  child.stdout.on("data", (data) => (running.out += String(data)));
  child.stderr.on("data", (data) => (running.err += String(data)));
  t.after(() => child.kill("SIGKILL"));
  return running;
}

/** The first match of a pattern in what the process says on stdout or stderr; fails when it ends without. */
export function said(running: Process, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const match = pattern.exec(running.out + running.err);
      if (match === null) return;
      running.child.stdout?.off("data", look);
      running.child.stderr?.off("data", look);
      resolve(match);
    };
    running.child.stdout?.on("data", look);
    running.child.stderr?.on("data", look);
    void running.ended.then(() => reject(new Error(`ended without saying ${pattern}: ${running.out}${running.err}`)));
    look();
  });
}

export interface Setting {
  readonly folder: string;
  readonly file: string;
  readonly origin: string;
  write(more: string): void;
}

/** A configuration with one origin; `more` is added to it. */
export async function setting(t: TestContext, more: string, addresses: readonly string[] = ["127.0.0.1:0"]): Promise<Setting> {
  const folder = fs.mkdtempSync(join(tmpdir(), "millrace-run-"));
  const server = await startOrigin("A", 0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  const origin = `http://127.0.0.1:${address.port}`;
  const file = join(folder, "millrace.yaml");
  const write = (text: string): void => {
    const listeners = addresses.map((address) => `{ address: "${address}" }`).join(", ");
    const base = `listeners: [${listeners}]\nworkers: 1\nupstreams: { app: { endpoints: ["${origin}"] } }\n`;
    fs.writeFileSync(file, `${base}${text.includes("routes:") ? "" : "routes: [{ upstream: app }]\n"}${text}\n`);
  };
  write(more);
  return { folder, file, origin, write };
}

export const LISTENING: RegExp = /listening on http:\/\/127\.0\.0\.1:(\d+)/;

/** The port of the listener, once it listens. */
export async function listening(running: Process): Promise<number> {
  return Number((await said(running, LISTENING))[1]);
}

/** Waits for what another process does. */
export async function reached(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < limit, "never happened");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
