/** `millrace run`: loads a configuration file and serves it until a signal ends the process. */
import type { WorkerThreads } from "../control/worker-threads.ts";
import type { EarlySignals } from "./early-signals.ts";
import { loadConfigFile } from "./config-file.ts";
import { openPrinter } from "./printer.ts";
import { serve } from "./serve.ts";

export interface RunArguments {
  /** The configuration file. */
  readonly file: string;
  /** Millrace's own version. */
  readonly version: string;
  readonly threads: WorkerThreads;
  /** From `inheritedSockets`. */
  readonly inherited: ReadonlySet<number> | null;
  readonly signals: EarlySignals;
}

/**
 * Resolves with the exit code: 0 after a drain, 1 when the configuration is wrong, 2 when it could not start. A second signal ends the process
 * at once, with 128 + its number.
 */
export async function runCommand(given: RunArguments): Promise<number> {
  const { file, version, threads, inherited, signals } = given;
  const printer = openPrinter();
  try {
    const loaded = await loadConfigFile(file);
    if (!("lines" in loaded))
      return await serve({ ...loaded, version, threads, inherited, printer, reload: () => loadConfigFile(file), earlySignals: signals });
    for (const line of loaded.lines) printer.err(`${line}\n`);
    return 1;
  } finally {
    await printer.close();
  }
}
