/** This system, as `millrace trust` sees it, and how it runs a command. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Argv, TrustSystem } from "./trust-store.ts";

/** Programs of administrators are not in the search path of others. */
const ADMINISTRATORS = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

export const ownSystem: TrustSystem = {
  platform: process.platform,
  home: path.resolve(os.homedir() || "/"),
  isFolder: (folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false,
  isFile: (file) => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false,
  namesIn: (folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  hasProgram: (name) => searchPath().some((folder) => existsSync(path.join(folder, name))),
};

/** Runs a command to its end. Gives null when it succeeded, else a line that says why not. */
export function runCommand([program, ...given]: Argv): string | null {
  const environment = { ...process.env, PATH: searchPath().join(path.delimiter) };
  const { error, status, stdout, stderr } = spawnSync(program, given, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  if (error !== undefined) return error.message;
  if (status === 0) return null;
  const [line = ""] = (stderr.trim() || stdout.trim()).split("\n");
  return line || `${program} ended with ${status === null ? "a signal" : `code ${status}`}`;
}

function searchPath(): readonly string[] {
  const given = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "");
  return process.platform === "win32" ? given : [...given, ...ADMINISTRATORS];
}
