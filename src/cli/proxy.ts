/** `millrace proxy`: serves what its arguments say, without a configuration file. */
import { parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import type { Problem } from "../config/problems/problem.ts";
import type { Config } from "../config/schema/schema.ts";
import type { WorkerThreads } from "../control/workers/worker-threads.ts";
import { PROXY_USAGE } from "./arguments.ts";
import type { EarlySignals } from "./early-signals.ts";
import { openPrinter } from "./printer.ts";
import { proxyConfig } from "./proxy-config.ts";
import type { ProxyTargets } from "./proxy-config.ts";
import { serve } from "./serve.ts";

export interface ProxyArguments extends ProxyTargets {
  /** Millrace's own version. */
  readonly version: string;
  readonly threads: WorkerThreads;
  /** From `inheritedSockets`. */
  readonly inherited: ReadonlySet<number> | null;
  readonly signals: EarlySignals;
}

/** Resolves with the exit code: 0 after a drain, 1 when the arguments are wrong, 2 when it could not start. */
export async function proxyCommand({ version, threads, inherited, signals, ...targets }: ProxyArguments): Promise<number> {
  const printer = openPrinter();
  try {
    const made = configOf(targets);
    if ("config" in made)
      return await serve({
        config: made.config,
        warnings: made.warnings,
        version,
        threads,
        inherited,
        printer,
        earlySignals: signals,
        // Not to stdout, where each line may be one of a log in JSON.
        onStarted: () => made.url !== null && printer.err(`open ${made.url}, after "millrace trust" without a warning of the browser\n`),
      });
    for (const line of made.lines) printer.err(`${line}\n`);
    return 1;
  } finally {
    await printer.close();
  }
}

/** `millrace proxy --print`: writes the configuration to `out`. Gives the exit code. */
export function printProxyConfig(targets: ProxyTargets, out: (text: string) => void, err: (text: string) => void): number {
  const made = configOf(targets);
  if ("config" in made) out(made.text);
  for (const line of "config" in made ? made.warnings.map((warning) => `millrace proxy: ${warning}`) : made.lines) err(`${line}\n`);
  return "config" in made ? 0 : 1;
}

type MadeConfig =
  | { readonly config: Config; readonly text: string; readonly url: string | null; readonly warnings: readonly string[] }
  | { readonly lines: readonly string[] };

function configOf(targets: ProxyTargets): MadeConfig {
  const made = proxyConfig(targets);
  if ("problems" in made) return wrong(made.problems);
  const parsed = parseConfig(made.text, "millrace proxy", {}, () => "");
  if ("problems" in parsed) return wrong(parsed.problems.map(withoutPlace));
  return { config: parsed.config, text: made.text, url: made.url, warnings: parsed.warnings.map(withoutPlace) };
}

function wrong(problems: readonly string[]): MadeConfig {
  return { lines: [...problems.map((problem) => `millrace proxy: ${problem}`), `usage: ${PROXY_USAGE}`] };
}

/** A problem without its line and column, which belong to a text that nobody has written. */
function withoutPlace(problem: Problem): string {
  return formatProblem(problem).replace(/^millrace proxy:\d+:\d+: /, "");
}
