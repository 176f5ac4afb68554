/** `millrace run`: serves what a configuration file says, until a signal ends it. */
import type { WorkerThreads } from "../control/worker-threads.ts";
import type { EarlySignals } from "./early-signals.ts";
import { loadConfigFile } from "./config-file.ts";
import { serve } from "./serve.ts";
import type { LoadedConfig } from "./serve.ts";

export interface RunArguments {
  readonly file: string;
  readonly version: string;
  readonly threads: WorkerThreads;
  readonly signals: EarlySignals;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Resolves with the exit code: 0 after a drain, 1 the configuration is wrong, 2 could not start, 128 + signal when cut short. */
export async function runCommand(given: RunArguments): Promise<number> {
  const { file, version, threads, signals, out, err } = given;
  const loaded = await load(file);
  if ("lines" in loaded) {
    for (const line of loaded.lines) err(`${line}\n`);
    return 1;
  }
  return serve({ ...loaded, version, threads, out, err, reload: () => load(file), earlySignals: signals });
}

async function load(file: string): Promise<LoadedConfig | { readonly lines: readonly string[] }> {
  const loaded = await loadConfigFile(file);
  if (!("config" in loaded)) return { lines: loaded.lines };
  return { config: loaded.config, warnings: loaded.warnings };
}
