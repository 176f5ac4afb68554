/**
 * A stand-in for the program `systemd-notify` that records how it was called, so that tests need no systemd. `PATH` must begin with its
 * folder.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";

export interface NotifyProgram {
  /** The folder that contains the program. */
  readonly folder: string;
  /** The value for `NOTIFY_SOCKET`. */
  readonly socket: string;
  /** The arguments of each call so far, including a call that hangs. */
  calls(): string[][];
  /** Environment and open descriptors of the last call, as text. */
  surroundings(): string;
  /** Whether the process of the last call has ended and been reaped. */
  isGone(): boolean;
  remove(): void;
}

/**
 * @param end shell command that the program ends with: `exit 1` fails, `exec tail -f /dev/null` hangs. `$1` is the first argument.
 */
export function notifyProgram(end: string = "exit 0"): NotifyProgram {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-notify-"));
  const calls = path.join(folder, "calls");
  const surroundings = path.join(folder, "surroundings");
  const pid = path.join(folder, "pid");
  writeFileSync(calls, "");
  const script = `#!/bin/sh
PATH=/usr/bin:/bin
echo $$ > ${pid}
{ env; ls -l /proc/self/fd; } > ${surroundings} 2> /dev/null
printf '%s\\t' "$@" | sed 's/\\t$/\\n/' >> ${calls}
${end}
`;
  writeFileSync(path.join(folder, "systemd-notify"), script, { mode: 0o755 });
  return {
    folder,
    socket: "@millrace-test",
    calls: () =>
      readFileSync(calls, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("\t")),
    surroundings: () => readFileSync(surroundings, "utf8"),
    isGone: () => {
      try {
        return !process.kill(Number(readFileSync(pid, "utf8")), 0);
      } catch (error) {
        return codeOf(error) === "ESRCH";
      }
    },
    // The program may still be writing its calls.
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}
