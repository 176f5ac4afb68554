/** Checks the configuration object that a program gives to `createProxy` or `reload`. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { checkConfig } from "../config/load.ts";
import type { ParsedConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { readObject } from "../config/document/read-object.ts";
import { isVocabulary } from "../config/schema/foreign-keys.ts";
import type { Environment } from "../config/replacements.ts";
import type { SecretPlaces } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import { tlsFindings } from "../control/certificates/tls-findings.ts";
import { storeFindings } from "../control/stores/store-findings.ts";
import { clientProblem } from "../stores/redis/client-package.ts";
import { DOCUMENT_BYTES_MAX } from "../control/named-files/api-description-files.ts";
import { filesOf, makeAbsolute, readText } from "../control/named-files/config-files.ts";
import { includedFiles } from "../control/named-files/included-files.ts";
import { absoluteSecrets } from "../control/secrets/followed-secrets.ts";
import { credentialFileIn } from "../control/secrets/credential-folder.ts";
import type { SecretCommands } from "../control/secrets/secret-commands.ts";
import { hasMiddleware } from "../config/schema/middleware-entries.ts";
import { descriptionProblems } from "../regex/description-problems.ts";
import { patternProblems } from "../regex/pattern-problems.ts";
import { GivenMiddleware } from "../middleware/given-middleware.ts";

export interface ReadProxyConfig {
  readonly config: Config;
  /** One line each. */
  readonly warnings: readonly string[];
  /** Its secrets that were read from elsewhere. */
  readonly secrets: SecretPlaces;
  /** Whether the object has `workers`, which asks for threads of the proxy's own. */
  readonly hasWorkers: boolean;
  /** Whether the object has `logging.output`, without which nothing is written. */
  readonly writesLog: boolean;
  /** The middleware that the object holds itself, which cannot be sent to worker threads. */
  readonly held: GivenMiddleware;
}

export interface ConfigPlace {
  /** The folder to which paths in the object are relative. */
  readonly folder: string;
  readonly environment: Environment;
  readonly commands: SecretCommands;
  /** Another number for each configuration of a proxy. */
  readonly serial: number;
}

/** In the place of listeners that are left out, so that the checks give what a listener has by default. */
const NO_LISTENERS = [{ address: "127.0.0.1:0" }];

/** In the place of an address, where the log names the listener of requests that the program hands over. */
const HANDED_OVER = "handed over by the program";

/**
 * Rejects with an Error that names every problem, one a line.
 * @param given the object as the program gives it. Middleware that it holds itself is set aside (`held`), and the rest must be plain data.
 */
export async function readProxyConfig(given: unknown, place: ConfigPlace): Promise<ReadProxyConfig> {
  const { folder, environment, commands } = place;
  const held = new GivenMiddleware(given, place.serial);
  const data = held.config;
  if (!isObject(data)) throw new Error("expected a configuration: an object with keys such as upstreams and routes");
  const hasWorkers = data["workers"] !== undefined;
  const [name] = held.names;
  if (hasWorkers && name !== undefined) {
    const advice = "name its module in `use`, or leave out workers, and all runs in this thread";
    throw new Error(`workers: the middleware ${name} is a value of this thread and cannot cross to others: ${advice}`);
  }
  const listens = "backends" in data || data["listeners"] !== undefined;
  const files = filesOf(folder);
  const root = readObject(listens ? data : { ...data, listeners: NO_LISTENERS }, isVocabulary);
  const result = await commands.loadWith((printed) =>
    checkConfig(root, "config", environment, files.readSecret, {
      ...files,
      tlsFindings: tlsFindings(folder),
      storeFindings: storeFindings(folder, clientProblem),
      includes: includedFiles(path.join(folder, "config")),
      secrets: { folder, credentialFile: credentialFileIn(folder, environment), printed },
    }),
  );
  if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
  const findings = [
    ...(await patternProblems(result.config)),
    ...(await descriptionProblems(result.config, (name) => readText(path.resolve(folder, name), DOCUMENT_BYTES_MAX))),
  ];
  const located = result.locate(findings);
  if (findings.some(({ severity }) => severity === "error")) throw new Error(located.map(formatProblem).join("\n"));
  const warnings = [...result.warnings, ...located];
  const config = hasWorkers ? await withModules(result, folder) : result.config;
  makeAbsolute(config, folder);
  const { logging } = config;
  const writesLog = isObject(data["logging"]) && data["logging"]["output"] !== undefined;
  if (logging.output !== "stdout" && logging.output !== "stderr") logging.output = path.resolve(folder, logging.output);
  if (!writesLog) turnOffAccessLog(config);
  const [host] = config.listeners;
  if (host !== undefined) config.host = handedOver(host);
  if (!listens) config.listeners = [];
  if (!hasWorkers) config.workers = 1;
  const secrets = absoluteSecrets(result.secrets, folder);
  return { config, secrets, warnings: warnings.map(formatProblem), hasWorkers, writesLog, held };
}

/** Limits and time limits are those of the first listener. TLS, and the way to it, are the matter of the program. */
function handedOver({ tls: _tls, ...settings }: Config["listeners"][number]): Config["listeners"][number] {
  return { ...settings, redirect_to_https: false, address: HANDED_OVER };
}

/** Access lines are made only for an output. */
function turnOffAccessLog({ logging, routes }: Config): void {
  logging.access = false;
  for (const route of routes) if (route.access_log !== undefined) route.access_log = false;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks the modules of middleware in a thread of their own, as the command does: worker threads load them by the addresses that come of it. */
async function withModules({ config, locate }: ParsedConfig, folder: string): Promise<Config> {
  if (!hasMiddleware(config)) return config;
  const { checkModules } = await import("../middleware/check-modules.ts");
  const checked = await checkModules(config, folderUrl(folder));
  if ("config" in checked) return checked.config;
  throw new Error(locate(checked.findings).map(formatProblem).join("\n"));
}

/** With a slash at the end, so that paths are relative to it. */
export function folderUrl(folder: string): string {
  return pathToFileURL(`${folder}${path.sep}`).href;
}
