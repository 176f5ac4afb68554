/** Reads and checks a configuration file: YAML, JSON, or a TypeScript or JavaScript module. */
import { isUtf8 } from "node:buffer";
import type { Buffer } from "node:buffer";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { codeOf, messageOf } from "../base/errors.ts";
import { checkConfig, formatProblem, parseConfig } from "../config/load.ts";
import type { ParseResult } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { shownFile } from "../config/shown.ts";
import type { Surroundings } from "../config/surroundings.ts";
import { DEFAULT_FILES } from "./arguments.ts";
import type { ModuleAnswer } from "./config-module.ts";
import { moduleFault } from "./module-fault.ts";
import { filesProblem } from "./too-few-files.ts";

/** A configuration and its warnings, or what is wrong with it. Each line has the form `file:line:column: key: message`. */
export type LoadedFile = { readonly config: Config; readonly warnings: readonly string[] } | WrongFile;

export interface WrongFile {
  /** Problems and warnings, in the order of the file. */
  readonly lines: readonly string[];
  /** Those of `lines` that are warnings. */
  readonly warnings: readonly string[];
}

/** Larger files are refused. Ten thousand routes fit into this size, so a larger file was named by mistake. */
const FILE_BYTES_MAX = 4 * 1024 ** 2;
const MODULE = /\.[cm]?[jt]s$/;

/**
 * Loads a configuration file; every call reads it again. Paths in the file are relative to its folder; paths in the result are absolute.
 * @param asked checks of the machine to make in addition to that of certificate files
 */
export async function loadConfigFile(file: string, asked: Surroundings = {}): Promise<LoadedFile> {
  const folder = path.dirname(path.resolve(file));
  const readSecret = (name: string): string => readText(path.resolve(folder, name));
  const surroundings: Surroundings = { certificatesProblem: (name) => certificatesProblem(path.resolve(folder, name)), ...asked };
  let result: ParseResult;
  try {
    const text = readText(file);
    if (MODULE.test(file)) {
      const answer = await exportOf(file);
      if ("fault" in answer) return wrong(`${file}:${answer.fault.line}:${answer.fault.column}: ${answer.fault.message}`);
      result = checkConfig(answer.root, file, process.env, readSecret, surroundings);
    } else result = parseConfig(text, file, process.env, readSecret, surroundings);
  } catch (error) {
    const isMissing = DEFAULT_FILES.some((name) => name === file) && !existsSync(file);
    return wrong(`${file}:1:1: ${lineOf(error)}${isMissing ? "; name another file with --config FILE" : ""}`);
  }
  if ("problems" in result) {
    const { problems } = result;
    const warnings = problems.filter(({ severity }) => severity === "warning");
    return { lines: problems.map(formatProblem), warnings: warnings.map(formatProblem) };
  }
  for (const { tls } of Object.values(result.config.upstreams)) {
    if (tls.ca_file !== undefined) tls.ca_file = path.resolve(folder, tls.ca_file);
  }
  return { config: result.config, warnings: result.warnings.map(formatProblem) };
}

function wrong(line: string): WrongFile {
  return { lines: [line], warnings: [] };
}

/** A certificate in PEM (RFC 7468), with the labels that OpenSSL accepts. */
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/**
 * What is wrong with a file of certificates; null when it can be used. It is checked here because the data plane reads it later, and OpenSSL
 * leaves out a certificate that it cannot read without saying so.
 */
function certificatesProblem(file: string): string | null {
  try {
    const certificates = readBytes(file).toString("latin1").match(CERTIFICATE) ?? [];
    if (certificates.length === 0) return `${shownFile(file)} holds no PEM certificate`;
    // Loaded here, because it takes milliseconds and most configurations name no certificates.
    const { X509Certificate } = process.getBuiltinModule("node:crypto");
    const unreadable = certificates.findIndex((certificate) => !isReadable(() => new X509Certificate(certificate)));
    return unreadable < 0 ? null : `certificate ${unreadable + 1} of ${certificates.length} in ${shownFile(file)} cannot be read`;
  } catch (error) {
    return lineOf(error);
  }
}

function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** The text of a file; throws an Error whose message is fit for the operator. */
function readText(file: string): string {
  const bytes = readBytes(file);
  // Decoding other bytes would silently change a name or a secret.
  if (!isUtf8(bytes)) throw new Error(`${shownFile(file)} is not in UTF-8`);
  return bytes.toString("utf8");
}

function readBytes(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX)
      throw new Error(`${shownFile(file)} has ${size} bytes, more than the ${FILE_BYTES_MAX} of any configuration`);
    return readFileSync(file);
  } catch (error) {
    const reason = REASONS[codeOf(error)];
    if (reason !== undefined) throw new Error(`${shownFile(file)} ${reason}`, { cause: error });
    const tooFew = filesProblem(error);
    if (tooFew !== null) throw new Error(`${shownFile(file)} cannot be read: ${tooFew}`, { cause: error });
    throw codeOf(error) === "" ? error : new Error(`${shownFile(file)} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder, not a file",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
};

/** The entry file of the thread: TypeScript in a checkout, JavaScript in a build. */
const MODULE_THREAD = new URL(import.meta.url.endsWith(".ts") ? "./config-module.ts" : "./config-module.js", import.meta.url);
/** Time limit for a module, which may fetch what it needs from elsewhere. */
const MODULE_MS = 30_000;
/** Node's exit code when nothing is left that could settle a top-level await. */
const UNSETTLED = 13;

/** Evaluates a module in a thread of its own: gives what it exports, or why it cannot be evaluated. */
async function exportOf(file: string): Promise<ModuleAnswer> {
  const address = pathToFileURL(path.resolve(file)).href;
  const thread = new Worker(MODULE_THREAD, { workerData: address, env: SHARE_ENV, name: "millrace-config" });
  const answer = await new Promise<ModuleAnswer>((resolve) => {
    const limit = setTimeout(() => resolve(faultAtStart(`the module has not loaded within ${MODULE_MS / 1000} s`)), MODULE_MS);
    thread.once("message", resolve);
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

function faultAtStart(message: string): ModuleAnswer {
  return { fault: { line: 1, column: 1, message } };
}

/** The message of an error in one line. Node's messages about syntax have several, which show the source. */
function lineOf(error: unknown): string {
  return messageOf(error)
    .replace(/\s*\n\s*/g, " ")
    .trim();
}
