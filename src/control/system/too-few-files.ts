/** Recognises a limit of open files that is too low, and says so in one line, whichever part of a start has noticed it. */
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "../../base/errors.ts";
import { openFilesMax } from "./open-files.ts";

/** The least number of open files. Two threads and one listener need about 40, of which Node itself has 23. */
const FILES_LEAST = 40;

/**
 * A message when the limit of open files is too low, else null. To be asked before threads start, because a thread that cannot open what it
 * needs may end the whole process.
 */
export function tooFewFiles(): string | null {
  try {
    const limit = openFilesMax(readFileSync("/proc/self/limits", "latin1"));
    return limit < FILES_LEAST ? said(`is ${limit}, which is too low`) : null;
  } catch (error) {
    // The file is missing when the system is not Linux, which is no problem.
    return filesProblem(error);
  }
}

/** The message for an error that comes of a low limit; null for any other error. */
export function filesProblem(error: unknown): string | null {
  // Errors of threads and of module loading have no code and say it only in their text.
  const saysSo = /^E[MN]FILE$/.test(codeOf(error)) || /\bE[MN]FILE\b|too many open files/.test(messageOf(error));
  return saysSo ? said("is too low") : null;
}

function said(what: string): string {
  return `the limit of open files ${what}: raise it where the process is started, by "ulimit -n 4096" or LimitNOFILE=4096 in a systemd unit`;
}
