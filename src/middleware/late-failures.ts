/**
 * Catches what middleware throws outside of its hooks, in a timer or a promise that nobody awaits, so that it does not end the thread. An error
 * of this program itself ends the thread as before, because nobody knows what state it has left behind.
 */
import { messageOf } from "../base/errors.ts";

/** URL of the folder of this program's code. */
const OWN = new URL("../", import.meta.url).href;

/** @param report writes the message to the log */
export function catchLateFailures(report: (message: string) => void): void {
  process.on("unhandledRejection", (reason) => {
    if (isOwn(reason)) throw reason;
    report(`a promise was rejected, and nobody awaited it: ${messageOf(reason)}`);
  });
  process.on("uncaughtException", (error) => {
    if (!isOwn(error)) return report(`an error was thrown outside of all hooks: ${messageOf(error)}`);
    // An error thrown here ends the thread with its message and stack.
    throw error;
  });
}

/** Whether the code that made the error is this program's own. */
function isOwn(error: unknown): boolean {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const top = stack.split("\n").find((line) => /^\s+at /.test(line) && /\b(?:file|data):/.test(line));
  return top?.includes(OWN) === true;
}
