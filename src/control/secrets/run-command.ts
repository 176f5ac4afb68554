/**
 * Runs a program that prints a secret. What it prints goes nowhere else: an error shows how it ended and the first line of its stderr, and that only
 * where nothing in it may be the secret.
 */
import { Buffer, isUtf8 } from "node:buffer";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { codeOf } from "../../base/errors.ts";
import { shownFile } from "../../config/problems/shown.ts";

/** A longer output is no secret. */
export const OUTPUT_BYTES_MAX: number = 64 * 1024;
/** As much is kept of stderr, to show its first line. */
const STDERR_BYTES_MAX = 4 * 1024;
/** Characters of a message of the program's that are shown. */
const SHOWN_MAX = 200;
/** Shorter texts are no secrets, and would be found within words. */
const HIDDEN_LENGTH_MIN = 4;

export interface CommandToRun {
  /** The program and its arguments. */
  readonly exec: readonly string[];
  /** The folder in which it runs. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** Texts that no message may show, besides what the program prints. */
  readonly hidden: readonly string[];
}

/**
 * Resolves with the secret: the only line that the program prints. Rejects with an Error whose message is fit for the operator. The program has the
 * user of this process, and no input. With whatever it has started itself, it is killed at the time limit, when it prints too much, and when `signal`
 * is aborted.
 */
export function runCommand({ exec, folder, environment, timeoutMs, hidden: given }: CommandToRun, signal: AbortSignal): Promise<string> {
  const [program = "", ...argv] = exec;
  const hidden = [...given, ...credentialsIn(environment)].filter((text) => text.length >= HIDDEN_LENGTH_MIN);
  const name = `the program ${shownProgram(program, given)}`;
  return new Promise((resolve, reject) => {
    let child: ChildProcess;
    try {
      // A group of its own, so that what it has started can be killed too.
      child = spawn(program, argv, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "pipe"], detached: true, windowsHide: true });
    } catch (error) {
      return reject(new Error(`${name} ${startFault(codeOf(error))}`));
    }
    const out = new Collected(OUTPUT_BYTES_MAX);
    const err = new Collected(STDERR_BYTES_MAX);
    let isOver = false;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(limit);
      signal.removeEventListener("abort", abort);
      // What it has left behind may hold its output open.
      child.stdout?.destroy();
      child.stderr?.destroy();
      settle();
    };
    const fail = (why: string, said: string = ""): void => end(() => reject(new Error(`${name} ${why}${said}`)));
    const kill = (why: string): void => {
      killGroup(child);
      fail(why, saidBy(err, [...hidden, ...linesOf(out)]));
    };
    const abort = (): void => kill("was ended, because the proxy ends");
    const limit = setTimeout(() => kill(`has not ended within ${timeoutMs} ms`), timeoutMs);
    signal.addEventListener("abort", abort);
    child.stdout?.on("data", (data: Buffer) => {
      if (!out.add(data)) kill(`printed more than ${OUTPUT_BYTES_MAX} bytes`);
    });
    child.stderr?.on("data", (data: Buffer) => void err.add(data));
    child.once("error", (error) => fail(startFault(codeOf(error))));
    const ended = (code: number | null, by: NodeJS.Signals | null): void => {
      const said = saidBy(err, [...hidden, ...linesOf(out)]);
      if (by !== null) return fail(`was ended by ${by}`, said);
      if (code !== 0) return fail(`ended with exit code ${String(code)}`, said);
      const read = secretIn(out.bytes);
      if ("problem" in read) return fail(read.problem, said);
      end(() => resolve(read.secret));
    };
    // `close` comes after all output. Where something that it has left behind holds the output open, what has come by then must do.
    child.once("close", ended);
    child.once("exit", (code, by) => setTimeout(() => ended(code, by), AFTER_EXIT_MS).unref());
    if (signal.aborted) abort();
  });
}

/** Time for output to arrive that was written before the program ended. */
const AFTER_EXIT_MS = 500;

class Collected {
  private readonly chunks: Buffer[] = [];
  private readonly bytesMax: number;
  private length: number = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Returns whether there was room for all of it. */
  add(data: Buffer): boolean {
    const room = this.bytesMax - this.length;
    this.chunks.push(data.subarray(0, room));
    this.length += Math.min(room, data.length);
    return data.length <= room;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function secretIn(bytes: Buffer): { readonly secret: string } | { readonly problem: string } {
  if (!isUtf8(bytes)) return { problem: "printed what is not in UTF-8" };
  const [secret = "", ...more] = bytes
    .toString("utf8")
    .replace(/(?:\r?\n)+$/, "")
    .split(/\r?\n/);
  if (more.length > 0) return { problem: `printed ${more.length + 1} lines; a secret is the only line` };
  return secret === "" ? { problem: "printed nothing" } : { secret };
}

function linesOf(out: Collected): readonly string[] {
  return out.bytes.toString("utf8").split(/\r?\n/);
}

/** The first line that the program wrote to stderr, as the end of a message. */
function saidBy(err: Collected, hidden: readonly string[]): string {
  const [line = ""] = err.bytes
    .toString("utf8")
    .trimStart()
    .split(/[\r\n]/, 1);
  const clean = line.replace(/[\p{Cc}\p{Cf}]/gu, "").trim();
  if (clean === "") return "";
  const texts = hidden.map((text) => text.trim()).filter((text) => text.length >= HIDDEN_LENGTH_MIN);
  if (texts.some((text) => line.includes(text) || clean.includes(text))) return " (its message is not shown: the secret may stand in it)";
  return `: ${clean.length > SHOWN_MAX ? `${clean.slice(0, SHOWN_MAX)}...` : clean}`;
}

/** Values of the environment that may be credentials, such as one by which the program itself is let in somewhere. */
function credentialsIn(environment: CommandToRun["environment"]): readonly string[] {
  return Object.entries(environment).flatMap(([name, value = ""]) => (/token|secret|pass|pwd|key|cred|auth/i.test(name) ? [value] : []));
}

/**
 * The program's name for a message.
 * @param hidden texts that no message may show
 */
export function shownProgram(program: string, hidden: readonly string[]): string {
  const isHidden = hidden.some((text) => text.length >= HIDDEN_LENGTH_MIN && program.includes(text));
  return isHidden ? "(its name is not shown)" : shownFile(program);
}

function startFault(code: string): string {
  if (code === "ENOENT") return "does not exist, or its folder does not";
  if (code === "EACCES" || code === "EPERM") return "may not be run by this user";
  return `could not be run (${code})`;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}
