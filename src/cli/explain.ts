/** `millrace explain`: shows what the proxy would do with a request. */
import { explain } from "../explain/explanation.ts";
import type { ExplainedRequest } from "../explain/explanation.ts";
import { formatProblem } from "../config/problem.ts";
import { loadConfigFile } from "./config-file.ts";

export interface ExplainArguments extends ExplainedRequest {
  readonly file: string;
}

/** Exit code of an explanation that ends in an error of the proxy's own. */
const REFUSED = 3;

/**
 * Writes the explanation to `out`, or what is wrong with arguments or configuration to `err`. Resolves with the exit code: 0; 1 when arguments
 * or configuration are wrong; 3 when the proxy itself would answer with an error.
 */
export async function explainCommand(given: ExplainArguments, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const loaded = await loadConfigFile(given.file);
  if (!("config" in loaded)) {
    for (const problem of loaded.problems) err(`${formatProblem(problem)}\n`);
    return 1;
  }
  const { config } = loaded;
  const [listener] = config.listeners;
  if (listener === undefined) throw new Error("a configuration without listeners was accepted");
  const explanation = await explain(config, listener, given, process.env);
  if (typeof explanation === "string") {
    err(`millrace explain: ${explanation}\n`);
    return 1;
  }
  for (const line of explanation.lines) out(`${line}\n`);
  return (explanation.status ?? 0) < 400 ? 0 : REFUSED;
}
