/**
 * Catches what middleware throws outside of its hooks, in a timer or a promise that nobody awaits, so that it does not end the thread. An error
 * of this program itself ends the thread as before, because nobody knows what state it has left behind.
 */
import { CallersMistake, messageOf, stackOf } from "../base/errors.ts";

/** URL of the folder of this program's code. */
const OWN = new URL("../", import.meta.url).href;

/** @param report writes the message to the log; it also gets the URLs of the modules on the error's stack, the innermost first */
export function catchLateFailures(report: (message: string, modules: readonly string[]) => void): void {
  process.on("unhandledRejection", (reason) => {
    if (isOwn(reason)) throw reason;
    report(`a promise was rejected, and nobody awaited it: ${messageOf(reason)}`, modulesOf(reason));
  });
  process.on("uncaughtException", (error) => {
    if (!isOwn(error)) return report(`an error was thrown outside of all hooks: ${messageOf(error)}`, modulesOf(error));
    // An error thrown here ends the thread with its message and stack.
    throw error;
  });
}

/**
 * Whether the error is this program's own: nothing but its code was running. Where code of a middleware has called a function of this program,
 * with a wrong argument for example, the error is the middleware's.
 */
export function isOwn(error: unknown): boolean {
  const modules = modulesOf(error);
  return modules.length > 0 && modules.every((url) => url.startsWith(OWN)) && !(error instanceof CallersMistake);
}

/** The modules on the stack of an error, as URLs or paths, without Node's own; the innermost first. */
export function modulesOf(error: unknown): readonly string[] {
  const lines = stackOf(error)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  return lines.flatMap((line) => /[\s(]((?:file:|data:|\/|[A-Za-z]:\\).*?):\d+(?::\d+)?\)?$/.exec(line)?.[1] ?? []);
}
