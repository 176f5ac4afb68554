/**
 * Where the local authority lies: `authority-key.pem` (its key and certificates, for its owner alone) and `root.pem` (the root, for whoever is to trust
 * it). The first is written once and never changed, and of several processes that start at once one writes it and the others use it.
 */
import { X509Certificate, createPrivateKey, randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { certificateBlocks, privateKeyBlock } from "../certificates/pem.ts";
import type { Authority } from "./new-authority.ts";

export interface StoredAuthority extends Authority {
  /** Path of `root.pem`. */
  readonly file: string;
}

/** Why there is no authority, in words for the user. */
export class AuthorityProblem extends Error {}

const KEY_FILE = "authority-key.pem";
const ROOT_FILE = "root.pem";
const ELSEWHERE = "XDG_DATA_HOME or tls.internal.storage names another folder";

/** The folder in which a person's authority lies: below `XDG_DATA_HOME` where it is set, else in the home folder. */
export function defaultStorage(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const given = environment[platform === "win32" ? "LOCALAPPDATA" : "XDG_DATA_HOME"] ?? "";
  // The specification says that a relative path is to be ignored.
  if (path.isAbsolute(given)) return path.join(given, "millrace", "authority");
  return path.join(homeFolder(), ".local", "share", "millrace", "authority");
}

function homeFolder(): string {
  let home = "";
  try {
    home = os.homedir();
  } catch {
    // The system knows no such user.
  }
  // HOME may be set and empty, which would mean the current folder.
  if (path.isAbsolute(home)) return home;
  throw new AuthorityProblem(`this user has no home folder, in which the local authority would be stored; ${ELSEWHERE}`);
}

/** The file of the root in a folder, for whoever is to trust it. */
export function rootFile(folder: string): string {
  return path.join(folder, ROOT_FILE);
}

/** The authority in the folder; null: there is none. Throws an {@link AuthorityProblem} where it cannot be used. @param now epoch milliseconds */
export function readAuthority(folder: string, now: number): StoredAuthority | null {
  const keyFile = path.join(folder, KEY_FILE);
  const text = readPrivate(keyFile);
  if (text === null) return null;
  const keyBlock = privateKeyBlock(text);
  const key = keyBlock === null ? undefined : `${keyBlock}\n`;
  const [certificate, root] = certificateBlocks(text).map((block) => `${block}\n`);
  if (key === undefined || certificate === undefined || root === undefined) throw new AuthorityProblem(unusable(keyFile));
  checkAuthority(keyFile, { root, certificate, key }, now);
  const file = rootFile(folder);
  try {
    if (!holds(file, root)) replace(file, root, 0o644);
  } catch (error) {
    throw new AuthorityProblem(`${file} cannot be written (${reason(error)})`, { cause: error });
  }
  return { root, certificate, key, file };
}

/** The authority in the folder, which is made when there is none. */
export async function openAuthority(folder: string, now: number, make: () => Promise<Authority>): Promise<StoredAuthority> {
  const there = readAuthority(folder, now);
  if (there !== null) return there;
  const made = await make();
  try {
    makeFolder(folder);
    writeOnce(path.join(folder, KEY_FILE), made.key + made.certificate + made.root);
  } catch (error) {
    throw new AuthorityProblem(`the local authority cannot be stored in ${folder} (${reason(error)}); ${ELSEWHERE}`, { cause: error });
  }
  // What is there now may be the authority of another process, which was faster.
  const stored = readAuthority(folder, now);
  if (stored === null) throw new AuthorityProblem(`the local authority has vanished from ${folder}`);
  return stored;
}

/** Makes the folder and those above it that are missing. Node's own way (`recursive`) never ends where the system says ENOENT, as it does below /proc. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  const above = path.dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** The text of a file that only its owner may read; null: there is no such file. */
function readPrivate(file: string): string | null {
  try {
    const { mode } = fs.statSync(file);
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      throw new AuthorityProblem(
        `${file} can be read or changed by other users: make another authority in another folder, or chmod 600 it if nobody has`,
      );
    return fs.readFileSync(file, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (error instanceof AuthorityProblem) throw error;
    throw new AuthorityProblem(`${file} cannot be read (${reason(error)})`, { cause: error });
  }
}

function checkAuthority(file: string, { root, certificate, key }: Authority, now: number): void {
  let read: X509Certificate;
  let fits: boolean;
  try {
    const above = new X509Certificate(root);
    read = new X509Certificate(certificate);
    fits = read.ca && read.checkPrivateKey(createPrivateKey(key)) && above.ca && read.checkIssued(above) && read.verify(above.publicKey);
  } catch (error) {
    throw new AuthorityProblem(unusable(file), { cause: error });
  }
  if (!fits) throw new AuthorityProblem(unusable(file));
  if (Date.parse(read.validTo) <= now)
    throw new AuthorityProblem(`the local authority in ${file} has expired: remove it (millrace trust --remove), then its folder`);
}

function unusable(file: string): string {
  return `${file} holds no key and certificates of a local authority; it is never overwritten, so move it away`;
}

/** Writes a file that is complete as soon as it is there, unless it is there already. */
function writeOnce(file: string, text: string): void {
  const draft = writeDraft(file, text, 0o600);
  try {
    fs.linkSync(draft, file);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

function replace(file: string, text: string, mode: number): void {
  fs.renameSync(writeDraft(file, text, mode), file);
}

/** Writes a file of a name that nobody else has, beside the one that it is for. */
function writeDraft(file: string, text: string, mode: number): string {
  const draft = `${file}.${randomBytes(8).toString("hex")}`;
  const descriptor = fs.openSync(draft, "wx", mode);
  try {
    fs.writeFileSync(descriptor, text, "latin1");
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  return draft;
}

function holds(file: string, text: string): boolean {
  try {
    return fs.readFileSync(file, "latin1") === text;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function reason(error: unknown): string {
  return codeOf(error) || messageOf(error);
}
