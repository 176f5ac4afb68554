/** Programs that print secrets, for commands that load a configuration once: they run only when the command was told to. */
import { afterMs } from "../control/after-ms.ts";
import { SecretCommands } from "../control/secrets/secret-commands.ts";
import { monotonicMs } from "../net/system-clock.ts";
import { loadConfigFile } from "./config-file.ts";
import type { LoadOptions, LoadedFile } from "./config-file.ts";

/** @param exec whether to run them */
export async function loadOnce(file: string, exec: boolean, options: LoadOptions = {}): Promise<LoadedFile> {
  if (!exec) return loadConfigFile(file, options);
  const commands = new SecretCommands({ environment: process.env, now: monotonicMs, after: afterMs });
  try {
    return await loadConfigFile(file, { ...options, commands });
  } finally {
    commands.stop();
  }
}

/** What to say where programs were not run. */
export function notRunInWords(count: number): string {
  const programs = count === 1 ? "1 program that prints a secret was" : `${count} programs that print secrets were`;
  return `${programs} not run, and what would be read from ${count === 1 ? "it" : "them"} was not checked; --exec runs ${count === 1 ? "it" : "them"}`;
}
