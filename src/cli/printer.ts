/**
 * Prints what a serving process says to the person who started it. Node's own streams could stop the whole process: a terminal that was
 * stopped (Ctrl-S) blocks the main thread, and a pipe that nobody reads keeps the process from ending. A printer drops its lines instead.
 */
import { monotonicMs } from "../net/system-clock.ts";
import { LogSink } from "../observe/sink.ts";

export interface Printer {
  /** Prints to stdout. */
  out(text: string): void;
  /** Prints to stderr. */
  err(text: string): void;
  /** Writes waiting lines synchronously, for an exit that cannot wait. */
  flushSync(): void;
  /** Closes the printer when everything has been written, at the latest after a second. */
  close(): Promise<void>;
}

const FLUSH_MS = 1000;

/** Opens stdout and stderr for a printer of its own. */
export function openPrinter(): Printer {
  const out = new LogSink({ output: "stdout", now: monotonicMs });
  const err = new LogSink({ output: "stderr", now: monotonicMs });
  return {
    out: (text) => out.write(text),
    err: (text) => err.write(text),
    flushSync: () => {
      out.flushSync();
      err.flushSync();
    },
    close: async () => void (await Promise.all([out.close(FLUSH_MS), err.close(FLUSH_MS)])),
  };
}
