/** Finds and reads the files that a configuration includes. */
import { readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import type { IncludedFile, Includes } from "../../config/include.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { readFault, readText } from "./config-files.ts";
import type { NoteFile } from "./config-files.ts";

/** Most folders that one pattern may look through. */
const FOLDERS_MAX = 1000;

/**
 * @param main the configuration file, by the name that problems give it
 * @param noted called with the path of every file before it is read, and with every pattern (`namesMatching`)
 */
export function includedFiles(main: string, noted: NoteFile = () => {}): Includes {
  const find = (pattern: string, from: string): { files: readonly IncludedFile[]; doubt: string | null } => {
    if (/[[\]{}]|\*\*/.test(pattern)) throw new Error("only * and ? are patterns, each for a part of one name: conf.d/*.yaml");
    const start = path.dirname(from);
    const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
    const last = parts.pop();
    if (last === undefined || last === "..") throw new Error(`${shownFile(pattern)} is a folder: write its files, such as conf.d/*.yaml`);
    let folders = [path.isAbsolute(pattern) ? "/" : start];
    for (const part of parts) {
      folders = folders.flatMap((folder) =>
        isPattern(part) ? entriesMatching(folder, part, noted).filter(isFolder) : [path.join(folder, part)],
      );
      if (folders.length > FOLDERS_MAX) throw new Error(`the pattern leads to more than ${FOLDERS_MAX} folders`);
    }
    if (!isPattern(last)) return { files: folders.map((folder) => fileOf(path.join(folder, last))), doubt: null };
    const missing = folders.find((folder) => !isThere(folder));
    const names = folders.flatMap((folder) => (isThere(folder) ? entriesMatching(folder, last, noted) : notedNone(folder, last, noted)));
    return { files: names.map(fileOf), doubt: missing === undefined ? null : `there is no folder ${shownFile(missing)}` };
  };
  return {
    mainId: idOf(main),
    find: (pattern, from = main) => find(pattern, from),
    textOf: (file) => textOf(file.name, noted),
    resolve: (name, from) => path.resolve(path.dirname(from), name),
  };
}

/**
 * The names in a folder that match a pattern, sorted by their characters' codes. `*` stands for any characters and `?` for one; as in a shell,
 * neither stands for a dot at the beginning.
 */
export function namesMatching(folder: string, pattern: string): string[] {
  return readdirSync(folder)
    .filter((name) => matches(name, pattern) && (pattern.startsWith(".") || !name.startsWith(".")))
    .sort();
}

/** Compares a name with a pattern. Only the last star is ever tried again, so the time is bounded, unlike that of a regular expression. */
function matches(name: string, pattern: string): boolean {
  let [at, expected] = [0, 0];
  /** Where the last star stands, and how much of the name it takes so far. */
  let [star, taken] = [-1, 0];
  while (at < name.length) {
    if (pattern[expected] === "*") [star, taken, expected] = [expected, at, expected + 1];
    else if (pattern[expected] === "?" || pattern[expected] === name[at]) [at, expected] = [at + 1, expected + 1];
    else if (star >= 0) [taken, at, expected] = [taken + 1, taken + 1, star + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(expected));
}

/** Whether a part of a path is a pattern. */
export function isPattern(part: string): boolean {
  return /[*?]/.test(part);
}

function entriesMatching(folder: string, pattern: string, noted: NoteFile): string[] {
  noted(path.resolve(folder, pattern));
  try {
    return namesMatching(folder, pattern).map((name) => path.join(folder, name));
  } catch (error) {
    throw new Error(readFault(folder, error), { cause: error });
  }
}

function notedNone(folder: string, pattern: string, noted: NoteFile): string[] {
  noted(path.resolve(folder, pattern));
  return [];
}

function textOf(name: string, noted: NoteFile): string {
  noted(path.resolve(name));
  if (/\p{Cc}/u.test(name)) throw new Error("the name of a file holds control characters");
  if (/\.[cm]?[jt]s$/.test(name))
    throw new Error(
      `${shownFile(name)} is a module: only YAML and JSON can be included, a module can be imported by a configuration in TypeScript`,
    );
  if (!/\.(?:ya?ml|json)$/i.test(name)) throw new Error(`${shownFile(name)} is neither .yaml nor .yml nor .json by its name`);
  // A pipe would never end.
  if (kindOf(name) === "other") throw new Error(`${shownFile(name)} is no regular file`);
  return readText(name);
}

function fileOf(name: string): IncludedFile {
  return { name, id: idOf(name) };
}

function idOf(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return path.resolve(name);
  }
}

function kindOf(name: string): "file" | "folder" | "other" | "none" {
  try {
    const found = statSync(name);
    return found.isFile() ? "file" : found.isDirectory() ? "folder" : "other";
  } catch {
    return "none";
  }
}

function isFolder(name: string): boolean {
  return kindOf(name) === "folder";
}

/** Whether the folder is there, even if it may not be read. */
function isThere(folder: string): boolean {
  try {
    statSync(folder);
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}
