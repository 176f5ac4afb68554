/** Runs the program that sets the DNS record of a dns-01 challenge (RFC 8555 section 8.4), and removes it. */
import { spawn } from "node:child_process";
import { dnsRecord } from "../../acme/challenge.ts";
import type { Challenge } from "../../acme/challenge.ts";

/** Characters of what the program prints that messages repeat. */
const PRINTED_MAX = 300;

/**
 * Resolves when the program has ended with 0. The program has the process's environment and no input; it is killed when `signal` is aborted.
 * @param command the program and its arguments, to which action, name and value of the record are appended
 */
export function runDnsHook(
  command: readonly string[],
  action: "present" | "remove",
  challenge: Challenge,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const [program = "", ...given] = command;
  const argv = [...given, action, `_acme-challenge.${challenge.name}`, dnsRecord(challenge)];
  return new Promise((resolve, reject) => {
    let printed = "";
    const fail = (why: string): void => reject(new Error(`${program} ${action} ${why}${printed === "" ? "" : `: ${printed.trim()}`}`));
    const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL", signal });
    const hear = (data: unknown): void => {
      printed = `${printed}${String(data)}`.slice(0, PRINTED_MAX);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", (error) => fail(`could not be run (${error.message})`));
    // `exit` and not `close`: a program of its own that it leaves behind may hold its output open.
    child.once("exit", (code, ended) => {
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) resolve();
      else fail(ended === null ? `ended with ${String(code)}` : `was ended by ${ended}`);
    });
  });
}
