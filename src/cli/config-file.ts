/** Reads and checks a configuration file: YAML, JSON, or a TypeScript or JavaScript module. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { checkConfig, parseConfig } from "../config/load.ts";
import type { ParseResult, WrongConfig } from "../config/load.ts";
import { sortedProblems } from "../config/problems/problem.ts";
import type { Problem } from "../config/problems/problem.ts";
import { sourceKey } from "../config/placed-secrets.ts";
import type { SecretPlaces } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import type { DescribedUse } from "../config/schema/middleware-json-schema.ts";
import { hasMiddleware } from "../config/schema/middleware-entries.ts";
import type { PlacedEntry } from "../config/schema/middleware-entries.ts";
import type { MachineSecrets } from "../config/secret-values.ts";
import type { Surroundings } from "../config/surroundings.ts";
import { descriptionProblems } from "../regex/description-problems.ts";
import { patternProblems, problemsOfPatterns } from "../regex/pattern-problems.ts";
import { DOCUMENT_BYTES_MAX } from "../control/named-files/api-description-files.ts";
import { filesOf, lineOf, makeAbsolute, readText } from "../control/named-files/config-files.ts";
import type { NoteFile } from "../control/named-files/config-files.ts";
import { tlsFindings } from "../control/certificates/tls-findings.ts";
import { storeFindings } from "../control/stores/store-findings.ts";
import { clientProblem } from "../stores/redis/client-package.ts";
import { includedFiles } from "../control/named-files/included-files.ts";
import { absoluteSecrets } from "../control/secrets/followed-secrets.ts";
import { credentialFileIn } from "../control/secrets/credential-folder.ts";
import type { SecretCommands } from "../control/secrets/secret-commands.ts";
import { DEFAULT_FILES } from "./arguments.ts";
import type { ModuleAnswer, ModuleLoaded } from "./config-module.ts";
import type { CheckedModules, problemsOfEntries } from "../middleware/check-modules.ts";
import { moduleFault } from "../modules/module-fault.ts";
import type { ModuleFault } from "../modules/module-fault.ts";
import type { Finding } from "../values/finding.ts";

/** A configuration and its warnings, or what is wrong with it. */
export type LoadedFile = RightFile | WrongFile;

export interface RightFile {
  readonly config: Config;
  /** Its secrets that were read from elsewhere. */
  readonly secrets: SecretPlaces;
  /** How many programs that print secrets were not run. */
  readonly programsNotRun: number;
  readonly warnings: readonly Problem[];
  /** The names of the file itself and of those that it includes, in the order in which they were read. */
  readonly files: readonly string[];
}

export interface WrongFile {
  /** At least one error, and the warnings. */
  readonly problems: readonly Problem[];
  /** As of a file that is right. Absent: 0. */
  readonly programsNotRun?: number;
}

/** How to load a file. */
export interface LoadOptions {
  /** Checks of the machine to make in addition to that of certificate files. */
  readonly asked?: Surroundings;
  /**
   * Called with the path of every file that is read, or that was not there, modules and what they import included, and with the patterns by which files
   * were looked for (`namesMatching`). Files of secrets are among them if the configuration is wrong: else their changes come into use by themselves.
   */
  readonly noted?: NoteFile;
  /** Runs the programs that print secrets. Absent: they are not run, and their secrets are not known. */
  readonly commands?: SecretCommands;
}

/** The message where no file is named and none of the default files is there. */
const NO_DEFAULT_FILE = `neither ${DEFAULT_FILES.join(" nor ")} is in this folder; name a file with --config FILE, write one with millrace init, or serve without one: millrace proxy :8080 http://localhost:3000`;

const MODULE = /\.[cm]?[jt]s$/;

/**
 * Loads a configuration file and those that it includes; every call reads them again. Paths in a file are relative to its folder; paths in the
 * result are absolute.
 */
export async function loadConfigFile(file: string, options: LoadOptions = {}): Promise<LoadedFile> {
  const { noted = () => {} } = options;
  const secretFiles: string[] = [];
  const { parsed, programsNotRun } = await parseFile(file, options, (name) => secretFiles.push(name));
  if ("problems" in parsed) for (const name of secretFiles) noted(name);
  const found = "problems" in parsed ? parsed.problems : parsed.warnings;
  const wrongWith = (findings: readonly Finding[]): WrongFile => ({
    programsNotRun,
    problems: sortedProblems([...found, ...parsed.locate(findings)], parsed.files),
  });
  if ("problems" in parsed) {
    if (parsed.unchecked === null) return { problems: parsed.problems, programsNotRun };
    const { patterns, middleware } = parsed.unchecked;
    const { findings, files } = await problemsOfMiddleware(middleware, folderUrl(file));
    for (const url of files) noted(fileURLToPath(url));
    return wrongWith([...(await problemsOfPatterns(patterns)), ...findings]);
  }
  const folder = path.dirname(path.resolve(file));
  const patterns = await patternProblems(parsed.config);
  const described = await descriptionProblems(parsed.config, (name) => {
    noted(path.resolve(folder, name));
    return readText(path.resolve(folder, name), DOCUMENT_BYTES_MAX);
  });
  const checked = await withMiddleware(parsed.config, folderUrl(file));
  for (const url of checked.files) noted(fileURLToPath(url));
  const findings = [...patterns, ...described, ...("findings" in checked ? checked.findings : [])];
  if ("findings" in checked || findings.some(({ severity }) => severity === "error")) return wrongWith(findings);
  makeAbsolute(checked.config, folder);
  const { files } = parsed;
  const warnings = sortedProblems([...parsed.warnings, ...parsed.locate(findings)], files);
  return { config: checked.config, secrets: absoluteSecrets(parsed.secrets, folder), programsNotRun, warnings, files };
}

/** Describes the options of the middleware that a configuration file uses, by the library's JSON Schema. They themselves may be wrong. */
export async function describedMiddleware(file: string): Promise<readonly DescribedUse[] | WrongFile> {
  const { parsed } = await parseFile(file, {});
  if ("problems" in parsed) return parsed;
  const { describeModules } = await import("../middleware/check-modules.ts");
  const answer = await describeModules(parsed.config, folderUrl(file));
  return "described" in answer ? answer.described : { problems: parsed.locate(answer.findings) };
}

/** The text of a configuration file; null for a file that cannot be read. */
export function textOfConfig(file: string): string | null {
  try {
    return readText(file);
  } catch {
    return null;
  }
}

interface ParsedFile {
  readonly parsed: ParseResult;
  readonly programsNotRun: number;
}

/** Reads and checks a file, without the modules of its middleware. */
async function parseFile(
  file: string,
  { asked = {}, noted = () => {}, commands }: LoadOptions,
  notedSecret: NoteFile = () => {},
): Promise<ParsedFile> {
  const folder = path.dirname(path.resolve(file));
  const files = filesOf(folder, noted, notedSecret);
  noted(path.resolve(file));
  const { textProblem, templateProblem, folderProblem, addressFileProblems, credentialProblems } = files;
  const checks: Surroundings = {
    textProblem,
    templateProblem,
    folderProblem,
    addressFileProblems,
    credentialProblems,
    tlsFindings: tlsFindings(folder, noted),
    storeFindings: storeFindings(folder, clientProblem, noted),
    includes: includedFiles(file, noted),
  };
  const notRun = new Set<string>();
  const load = async (parse: (surroundings: Surroundings) => ParseResult): Promise<ParsedFile> => {
    const credentialFile = credentialFileIn(folder, process.env);
    const parseWith = (printed: MachineSecrets["printed"]): ParseResult =>
      parse({ ...checks, secrets: { folder, credentialFile, printed }, ...asked });
    if (commands !== undefined) return { parsed: await commands.loadWith(parseWith), programsNotRun: 0 };
    const parsed = parseWith((command) => {
      notRun.add(sourceKey(command));
      return null;
    });
    return { parsed, programsNotRun: notRun.size };
  };
  const wrongBy = (fault: ModuleFault): ParsedFile => ({ parsed: wrong(file, fault), programsNotRun: 0 });
  try {
    const text = readText(file);
    const { readSecret } = files;
    if (!MODULE.test(file)) return await load((surroundings) => parseConfig(text, file, process.env, readSecret, surroundings));
    const answer = await exportOf(file, noted);
    if ("fault" in answer) return wrongBy(answer.fault);
    return await load((surroundings) => checkConfig(answer.root, file, process.env, readSecret, surroundings));
  } catch (error) {
    const hasNone = DEFAULT_FILES.some((name) => name === file) && !DEFAULT_FILES.some((name) => existsSync(name));
    return wrongBy(faultAtStart(hasNone ? NO_DEFAULT_FILE : lineOf(error)).fault);
  }
}

/** Checks the modules of the configuration's middleware. Loaded when first needed, because most configurations have none. */
async function withMiddleware(config: Config, folder: string): Promise<CheckedModules> {
  if (!hasMiddleware(config)) return { config, files: [] };
  const { checkModules } = await import("../middleware/check-modules.ts");
  return checkModules(config, folder);
}

async function problemsOfMiddleware(entries: readonly PlacedEntry[], folder: string): ReturnType<typeof problemsOfEntries> {
  if (entries.length === 0) return { findings: [], files: [] };
  const { problemsOfEntries: problemsOf } = await import("../middleware/check-modules.ts");
  return problemsOf(entries, folder);
}

/** The URL of the file's folder, with a slash at the end. */
function folderUrl(file: string): string {
  return pathToFileURL(`${path.dirname(path.resolve(file))}${path.sep}`).href;
}

function wrong(file: string, fault: ModuleFault): WrongConfig {
  return { problems: [{ file, ...fault, key: "", severity: "error" }], unchecked: null, files: [file], locate: () => [] };
}

/** The entry file of the thread: TypeScript in a checkout, JavaScript in a build. */
const MODULE_THREAD = new URL(import.meta.url.endsWith(".ts") ? "./config-module.ts" : "./config-module.js", import.meta.url);
/** Time limit for a module, which may fetch what it needs from elsewhere. */
const MODULE_MS = 30_000;
/** Node's exit code when nothing is left that could settle a top-level await. */
const UNSETTLED = 13;

/** Evaluates a module in a thread of its own: gives what it exports, or why it cannot be evaluated. */
async function exportOf(file: string, noted: NoteFile): Promise<ModuleAnswer> {
  const address = pathToFileURL(path.resolve(file)).href;
  const thread = new Worker(MODULE_THREAD, { workerData: address, env: SHARE_ENV, name: "millrace-config" });
  const answer = await new Promise<ModuleAnswer>((resolve) => {
    const limit = setTimeout(() => resolve(faultAtStart(`the module has not loaded within ${MODULE_MS / 1000} s`)), MODULE_MS);
    thread.once("message", ({ answer, files }: ModuleLoaded) => {
      for (const url of files) noted(fileURLToPath(url));
      resolve(answer);
    });
    thread.once("error", (error) => {
      const { message, ...place } = moduleFault(error, address);
      resolve({ fault: { ...place, message: `the module failed: ${message}` } });
    });
    thread.once("exit", (code) => {
      clearTimeout(limit);
      resolve(
        faultAtStart(code === UNSETTLED ? "the module waits for what never comes" : `the module ended its thread (exit code ${code})`),
      );
    });
  });
  void thread.terminate();
  return answer;
}

function faultAtStart(message: string): { readonly fault: ModuleFault } {
  return { fault: { line: 1, column: 1, message } };
}
