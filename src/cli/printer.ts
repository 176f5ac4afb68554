/**
 * What a serving process says to the person who started it. Node's own streams may hold the whole process: a terminal that was stopped
 * (Ctrl-S) blocks the main thread, and a pipe that nobody empties keeps the process from ending. A printer drops its words then.
 */
import { monotonicMs } from "../net/system-clock.ts";
import { LogSink } from "../observe/sink.ts";

export interface Printer {
  out(text: string): void;
  err(text: string): void;
  /** Writes what waits, for an exit that cannot wait. */
  flushSync(): void;
  /** Ends it, when what was said has gone out or after a moment. */
  close(): Promise<void>;
}

const FLUSH_MS = 1000;

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
