/** A limit of open files that is too low ends a start with one line, whichever part of it noticed. */
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "../base/errors.ts";
import { openFilesMax } from "../control/open-files.ts";

/** Two threads and one listener need about 40, of which Node itself has 23: below nothing can be served. */
const FILES_LEAST = 40;

/** What to say before threads start: one that cannot open what it needs may take the process along. null: the limit is no problem. */
export function tooFewFiles(): string | null {
  try {
    const limit = openFilesMax(readFileSync("/proc/self/limits", "latin1"));
    return limit < FILES_LEAST ? said(`is ${limit}, which is too low`) : null;
  } catch (error) {
    // Where there is no such file, the system is not Linux.
    return filesProblem(error);
  }
}

/** The same for an error that says it; null for all others. */
export function filesProblem(error: unknown): string | null {
  // Threads, and what loads modules, say it only in the text.
  const saysSo = /^E[MN]FILE$/.test(codeOf(error)) || /\bE[MN]FILE\b|too many open files/.test(messageOf(error));
  return saysSo ? said("is too low") : null;
}

function said(what: string): string {
  return `the limit of open files ${what}: raise it where the process is started, by "ulimit -n 4096" or LimitNOFILE=4096 in a systemd unit`;
}
