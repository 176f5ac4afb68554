/** Reads a configuration file: YAML or JSON, or a TypeScript or JavaScript module. */
import { isUtf8 } from "node:buffer";
import type { Buffer } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { codeOf, messageOf } from "../base/errors.ts";
import { checkConfig, formatProblem, parseConfig } from "../config/load.ts";
import type { ParseResult } from "../config/load.ts";
import type { Config } from "../config/schema.ts";

/** A configuration with its warnings, or what is wrong with it: a line each, `file:line:column: key: message`. */
export type LoadedFile = { readonly config: Config; readonly warnings: readonly string[] } | { readonly lines: readonly string[] };

/** Thousands of routes fit into it; what is larger was given by mistake. */
const FILE_BYTES_MAX = 4 * 1024 ** 2;
const MODULE = /\.[cm]?[jt]s$/;

/** Reads the file anew at every call. Paths in it are relative to its folder; those of the result are absolute. */
export async function loadConfigFile(file: string): Promise<LoadedFile> {
  const folder = path.dirname(path.resolve(file));
  const readSecret = (name: string): string => readText(path.resolve(folder, name));
  let result: ParseResult;
  try {
    const text = readText(file);
    result = MODULE.test(file)
      ? checkConfig(await defaultExport(file), file, process.env, readSecret)
      : parseConfig(text, file, process.env, readSecret);
  } catch (error) {
    return { lines: [`${file}:1:1: ${lineOf(error)}`] };
  }
  if ("problems" in result) return { lines: result.problems.map(formatProblem) };
  const unreadable = await resolveCertificates(result.config, file, folder);
  if (unreadable.length > 0) return { lines: unreadable };
  return { config: result.config, warnings: result.warnings.map(formatProblem) };
}

/** Makes the paths absolute, and reads the files once: threads read them later, where nobody can be told. */
async function resolveCertificates(config: Config, file: string, folder: string): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, { tls }] of Object.entries(config.upstreams)) {
    if (tls.ca_file === undefined) continue;
    tls.ca_file = path.resolve(folder, tls.ca_file);
    const problem = await certificatesProblem(tls.ca_file);
    if (problem !== null) problems.push(`${file}:1:1: upstreams.${name}.tls.ca_file: ${problem}`);
  }
  return problems;
}

/** Textual encodings of RFC 7468, and what OpenSSL calls certificates besides. */
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Why the certificates in that file can vouch for nobody; null: they can. One that OpenSSL cannot read would be left out without a word. */
async function certificatesProblem(file: string): Promise<string | null> {
  try {
    const certificates = readBytes(file).toString("latin1").match(CERTIFICATE) ?? [];
    if (certificates.length === 0) return `${file} holds no PEM certificate`;
    // Costs milliseconds, and most configurations name no certificates.
    const { X509Certificate } = await import("node:crypto");
    const unreadable = certificates.findIndex((certificate) => !isReadable(() => new X509Certificate(certificate)));
    return unreadable < 0 ? null : `certificate ${unreadable + 1} of ${certificates.length} in ${file} cannot be read`;
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

/** Throws an Error with a plain message. */
function readText(file: string): string {
  const bytes = readBytes(file);
  // Decoded all the same, a name or a secret would silently be another one.
  if (!isUtf8(bytes)) throw new Error(`${file} is not in UTF-8`);
  return bytes.toString("utf8");
}

function readBytes(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX) throw new Error(`${file} has ${size} bytes, more than the ${FILE_BYTES_MAX} of any configuration`);
    return readFileSync(file);
  } catch (error) {
    const reason = REASONS[codeOf(error)];
    throw reason === undefined ? error : new Error(`${file} ${reason}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder, not a file",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
};

/** Parameter of the addresses of a configuration's modules: the how manieth load of them this is. */
const LOAD = "load";
let imports = 0;

async function defaultExport(file: string): Promise<unknown> {
  const address = pathToFileURL(path.resolve(file));
  // A module is evaluated once per address; a reload must see the file as it is now.
  address.searchParams.set(LOAD, String(++imports));
  const hooks = resolveForConfiguration();
  try {
    const loaded: unknown = await import(address.href);
    if (typeof loaded === "object" && loaded !== null && "default" in loaded) return loaded.default;
  } catch (error) {
    throw new Error(moduleMessage(error), { cause: error });
  } finally {
    hooks?.deregister();
  }
  throw new Error("there is no default export: write export default defineConfig({...})");
}

/**
 * `import { defineConfig } from "millrace"` means this program wherever the file lies, also where nothing is installed beside it. What
 * the file imports of the user's own is read anew as the file itself is; CommonJS and packages are not. Node 20 cannot be told either:
 * there the package has to be installed where the file is, and only the file itself is read anew.
 */
function resolveForConfiguration(): { deregister(): void } | undefined {
  const own = new URL(import.meta.url.endsWith(".ts") ? "../millrace.ts" : "../millrace.js", import.meta.url).href;
  return module.registerHooks?.({
    resolve: (specifier, context, next) => {
      if (specifier === "millrace") return { url: own, shortCircuit: true };
      const found = next(specifier, context);
      const load = context.parentURL === undefined ? null : new URL(context.parentURL).searchParams.get(LOAD);
      if (load === null || !found.url.startsWith("file:") || found.url.includes("/node_modules/") || found.format === "commonjs")
        return found;
      const url = new URL(found.url);
      url.searchParams.set(LOAD, load);
      return { ...found, url: url.href };
    },
  });
}

function moduleMessage(error: unknown): string {
  if (codeOf(error) === "ERR_UNKNOWN_FILE_EXTENSION") {
    return `this Node (${process.version}) cannot read TypeScript: use Node 22.18 or later, or a file in YAML or JavaScript`;
  }
  const message = lineOf(error);
  const isCommonJs = /import statement outside a module|Unexpected token 'export'/.test(message);
  return `the module cannot be loaded: ${message}${isCommonJs ? '; name it .mts or .mjs, or put "type": "module" into package.json' : ""}`;
}

/** One line: Node's messages about syntax show the source on several. */
function lineOf(error: unknown): string {
  return messageOf(error)
    .replace(/\s*\n\s*/g, " ")
    .trim();
}
