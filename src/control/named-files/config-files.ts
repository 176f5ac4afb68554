/** Reads the files that a configuration names. Errors name the file and say what to do about it. */
import { isUtf8 } from "node:buffer";
import type { Buffer } from "node:buffer";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { AddressFile } from "../../base/address-file.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { mapFiles } from "../../config/feature-files.ts";
import type { CredentialPlace } from "../../config/feature-files.ts";
import type { Config } from "../../config/schema/schema.ts";
import { storesOf } from "../../base/stores-of.ts";
import { mapAdminTlsFiles, mapStoreTlsFiles, mapTlsFiles, mapUpstreamTlsFiles } from "../../config/schema/tls/tls-files.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { parseTemplate } from "../../policy/template/template.ts";
import { addressFileProblems } from "./read-address-file.ts";
import { credentialProblems } from "./read-credentials.ts";
import { filesProblem } from "../system/too-few-files.ts";

/** Larger files are refused. Ten thousand routes fit into this size, so a larger file was named by mistake. */
const FILE_BYTES_MAX = 4 * 1024 ** 2;
/** A larger file is no secret, and was named by mistake. */
const SECRET_BYTES_MAX = 64 * 1024;

/** What the checks of a configuration need of the files that it names. Their paths are relative to a folder. */
export interface ConfigFiles {
  /** The text of a file; throws an Error whose message is fit for the operator. */
  readonly readSecret: (name: string) => string;
  /** What is wrong with a file that should hold a text in UTF-8; null when it does. */
  readonly textProblem: (name: string) => string | null;
  /** The same for a text with variables, for a page about errors. */
  readonly templateProblem: (name: string) => string | null;
  /** What is wrong with a file about addresses, one line each; empty when it can be used. */
  readonly addressFileProblems: (file: AddressFile) => readonly string[];
  /** What is wrong with a file with credentials, one line each; empty when it can be used. */
  readonly credentialProblems: (place: CredentialPlace) => readonly string[];
  /** What is wrong with a folder whose files are to be read; null when nothing is. It is not noted: its files are read as they are wanted. */
  readonly folderProblem: (name: string) => string | null;
}

/** Takes the path of a file that is read. One whose last part is a pattern stands for the names in the folder that match. */
export type NoteFile = (path: string) => void;

/**
 * The files that a configuration in this folder names.
 * @param noted called with each before it is read
 * @param notedSecret the same for files of secrets
 */
export function filesOf(folder: string, noted: NoteFile = () => {}, notedSecret: NoteFile = noted): ConfigFiles {
  const pathOf = (name: string, note: NoteFile = noted): string => {
    const file = path.resolve(folder, name);
    note(file);
    return file;
  };
  return {
    readSecret: (name) => readSecretText(pathOf(name, notedSecret)),
    textProblem: (name) => textProblem(pathOf(name)),
    templateProblem: (name) => templateProblem(pathOf(name)),
    addressFileProblems: ({ kind, path: name }) => addressFileProblems({ kind, path: pathOf(name) }),
    credentialProblems: ({ path: name, read }) => credentialProblems({ path: pathOf(name), read }),
    folderProblem: (name) => folderProblem(path.resolve(folder, name)),
  };
}

/** Makes the paths of a checked configuration absolute that are relative to its folder. */
export function makeAbsolute(config: Config, folder: string): void {
  for (const { tls } of Object.values(config.upstreams)) mapUpstreamTlsFiles(tls, (name) => path.resolve(folder, name));
  for (const { tls } of config.listeners) if (tls !== undefined) mapTlsFiles(tls, (name) => path.resolve(folder, name));
  for (const store of Object.values(storesOf(config.stores, "redis"))) mapStoreTlsFiles(store, (name) => path.resolve(folder, name));
  if (config.admin?.tls !== undefined) mapAdminTlsFiles(config.admin.tls, (name) => path.resolve(folder, name));
  // Routes share the values of the places above them, and to make a path absolute twice changes nothing.
  for (const holder of [config, ...Object.values(config.upstreams), ...config.routes]) {
    mapFiles(holder, (name) => path.resolve(folder, name));
  }
}

function textProblem(file: string): string | null {
  try {
    readText(file);
    return null;
  } catch (error) {
    return lineOf(error);
  }
}

function templateProblem(file: string): string | null {
  try {
    const parsed = parseTemplate(readText(file), true);
    return "problem" in parsed ? `${shownFile(file)}: ${parsed.problem}` : null;
  } catch (error) {
    return lineOf(error);
  }
}

function folderProblem(folder: string): string | null {
  try {
    const stats = statSync(folder);
    if (!stats.isDirectory()) return `${shownFile(folder)} is a file, not a folder`;
    accessSync(folder, constants.X_OK);
    return null;
  } catch (error) {
    return readFault(folder, error);
  }
}

/** The text of a file; throws an Error whose message is fit for the operator. */
export function readText(file: string, bytesMax: number = FILE_BYTES_MAX): string {
  const bytes = readBytes(file, bytesMax);
  // Decoding other bytes would silently change a name or a secret.
  if (!isUtf8(bytes)) throw new Error(`${shownFile(file)} is not in UTF-8`);
  return bytes.toString("utf8");
}

/** The text of a file whose first line is a secret; throws an Error as {@link readText} does. */
export function readSecretText(file: string): string {
  return readText(file, SECRET_BYTES_MAX);
}

/** The bytes of a file; throws an Error whose message is fit for the operator. */
export function readBytes(file: string, bytesMax: number = FILE_BYTES_MAX): Buffer {
  try {
    const { size } = statSync(file);
    if (size > bytesMax) throw new Error(`${shownFile(file)} has ${size} bytes, more than the ${bytesMax} that it may have`);
    return readFileSync(file);
  } catch (error) {
    throw codeOf(error) === "" ? error : new Error(readFault(file, error), { cause: error });
  }
}

/** Why a file or a folder cannot be read, for the operator. */
export function readFault(file: string, error: unknown): string {
  const tooFew = filesProblem(error);
  const reason = REASONS[codeOf(error)] ?? (tooFew === null ? `cannot be read (${codeOf(error)})` : `cannot be read: ${tooFew}`);
  return `${shownFile(file)} ${reason}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder, not a file",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
};

/** The message of an error in one line. Node's messages about syntax have several, which show the source. */
export function lineOf(error: unknown): string {
  return messageOf(error)
    .replace(/\s*\n\s*/g, " ")
    .trim();
}
