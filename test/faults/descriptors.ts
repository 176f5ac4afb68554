/** Takes all free descriptors from a running process, by its limit of open files. */
import { execFileSync } from "node:child_process";

/** Why that cannot be done here; false: it can. */
export const cannotTakeDescriptors: string | false = (() => {
  try {
    execFileSync("prlimit", ["--version"]);
    return false;
  } catch {
    return "needs prlimit";
  }
})();

/** Descriptors below this are standard input, output and error; under such a limit nothing further can be opened, whatever is open. */
const NONE = "3";

/** Runs `during` while the process can open nothing. */
export async function withoutDescriptors(pid: number, during: () => Promise<void>): Promise<void> {
  const ofProcess = ["--pid", String(pid)];
  const before = execFileSync("prlimit", [...ofProcess, "--nofile", "--raw", "--noheadings", "--output", "SOFT"], { encoding: "utf8" });
  execFileSync("prlimit", [...ofProcess, `--nofile=${NONE}:`]);
  try {
    await during();
  } finally {
    execFileSync("prlimit", [...ofProcess, `--nofile=${before.trim()}:`]);
  }
}
