/** `millrace run`: loads a configuration file and serves it until a signal ends the process. */
import { isatty } from "node:tty";
import { formatProblem } from "../config/problems/problem.ts";
import { afterMs } from "../control/after-ms.ts";
import { SecretCommands } from "../control/secrets/secret-commands.ts";
import type { WorkerThreads } from "../control/workers/worker-threads.ts";
import type { EarlySignals } from "./early-signals.ts";
import { wantsColours } from "./colours.ts";
import { loadConfigFile, textOfConfig } from "./config-file.ts";
import type { LoadedFile, WrongFile } from "./config-file.ts";
import { FileWatch } from "./file-watch.ts";
import { monotonicMs } from "../net/system-clock.ts";
import { openPrinter } from "./printer.ts";
import { problemReport } from "./problem-report.ts";
import type { LoadConfig, LoadedConfig, RefusedConfig } from "./reloads.ts";
import { serve } from "./serve.ts";

export interface RunArguments {
  /** The configuration file. */
  readonly file: string;
  /** Whether to load the configuration again when a file changes that it was read from. */
  readonly watch: boolean;
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
  const commands = new SecretCommands({ environment: process.env, now: monotonicMs, after: afterMs });
  const watch = given.watch ? new FileWatch() : null;
  const load = async (): Promise<LoadedFile> => {
    const since = Date.now();
    const files = new Set<string>();
    const loaded = await loadConfigFile(file, { noted: (read) => files.add(read), commands });
    await watch?.use(files, since, "config" in loaded);
    return loaded;
  };
  const reload: LoadConfig = async () => {
    const loaded = await load();
    return "config" in loaded ? inLines(loaded) : refused(loaded);
  };
  try {
    const loaded = await load();
    if ("config" in loaded) {
      const watching = watch === null ? {} : { watch };
      return await serve({
        ...inLines(loaded),
        version,
        threads,
        inherited,
        printer,
        reload,
        commands,
        ...watching,
        earlySignals: signals,
      });
    }
    const colours = wantsColours(process.env, isatty(2));
    printer.err(problemReport(loaded.problems, { textOf: textOfConfig, colours }));
    return 1;
  } finally {
    commands.stop();
    await printer.close();
  }
}

function inLines({ config, secrets, warnings }: Exclude<LoadedFile, WrongFile>): LoadedConfig {
  return { config, secrets, warnings: warnings.map(formatProblem) };
}

function refused({ problems }: WrongFile): RefusedConfig {
  const warnings = problems.filter(({ severity }) => severity === "warning");
  return { lines: problems.map(formatProblem), warnings: warnings.map(formatProblem) };
}
