/** `millrace explain`: shows what the proxy would do with a request, or with each request of a file. */
import { readFileSync } from "node:fs";
import { explain } from "../explain/explanation.ts";
import type { ExplainedRequest } from "../explain/explanation.ts";
import { reachedListener } from "../explain/reached-listener.ts";
import type { Config } from "../config/schema/schema.ts";
import { lineOf } from "../control/named-files/config-files.ts";
import { askedKeySets } from "./asked-key-sets.ts";
import { textOfConfig } from "./config-file.ts";
import { explainFile } from "./explain-file.ts";
import { loadOnce, notRunInWords } from "./load-once.ts";
import { problemReport } from "./problem-report.ts";
import { certificateLines, clientRuleFor } from "./shown-certificates.ts";

export type ExplainArguments = { readonly file: string; readonly exec?: boolean; readonly colours?: boolean; readonly version?: string } & (
  | OneRequest
  | RequestFile
);

interface OneRequest extends Omit<ExplainedRequest, "certificate"> {
  /** A PEM file of the certificate that the client shows. */
  readonly certificateFile?: string;
}

/** A file of requests. */
interface RequestFile {
  readonly requests: string;
  /** Whether to compare with what the file expects. */
  readonly expects: boolean;
}

/** Exit code of an explanation that ends in an error of the proxy's own. */
const REFUSED = 3;

/**
 * Writes the explanation to `out`, or what is wrong with arguments or configuration to `err`. Resolves with the exit code: 0; 1 when arguments,
 * configuration or expectations are wrong; 3 when the proxy itself would answer a single request with an error.
 */
export async function explainCommand(given: ExplainArguments, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const { file, exec, colours = false } = given;
  const loaded = await loadOnce(file, exec === true);
  if (!("config" in loaded)) {
    err(problemReport(loaded.problems, { textOf: textOfConfig, colours }));
    return 1;
  }
  const { config, programsNotRun } = loaded;
  if (programsNotRun > 0) err(`millrace explain: ${notRunInWords(programsNotRun)}\n`);
  const keySetOf = askedKeySets(given.version ?? "explain", err);
  if ("requests" in given) {
    const { requests: name, expects } = given;
    const text = textOf(name, err);
    if (text === null) return 1;
    return await explainFile(config, { name, text, expects, environment: process.env, keySetOf }, out, err);
  }
  const { certificateFile } = given;
  const certificate = certificateFile === undefined ? undefined : textOf(certificateFile, err);
  if (certificate === null) return 1;
  const clientRule = ruleFor(config, { ...given, certificate });
  const explanation = await explain(config, { ...given, certificate, clientRule }, process.env, keySetOf);
  if (typeof explanation === "string") {
    err(`millrace explain: ${explanation}\n`);
    return 1;
  }
  for (const line of [...explanation.lines, ...linesOfTls(config, { ...given, certificate })]) out(`${line}\n`);
  return (explanation.status ?? 0) < 400 ? 0 : REFUSED;
}

/** Null: it cannot be read, and `err` was told why. */
function textOf(file: string, err: (text: string) => void): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    err(`${file}: ${lineOf(error)}\n`);
    return null;
  }
}

/** Which certificate a client gets that asks by `https:`. */
function linesOfTls(config: Config, given: ExplainedRequest): readonly string[] {
  const { tls } = reachedListener(config, given);
  const host = hostOf(given.url);
  return tls === undefined || host === null ? [] : ["", ...certificateLines(tls, host, given.certificate !== undefined)];
}

/** What the listener asks of clients that name the URL's host; absent: the URL has none. */
function ruleFor(config: Config, given: ExplainedRequest): ExplainedRequest["clientRule"] {
  const { tls } = reachedListener(config, given);
  const host = hostOf(given.url);
  return tls === undefined || host === null ? undefined : clientRuleFor(tls, host);
}

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, "$1") : null;
}
