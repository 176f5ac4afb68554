/** Checks what only the machine knows of certificates over ACME: the storage, the program for DNS records, trusted certificates. */
import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import { error, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/**
 * @param folder the folder to which paths are relative
 * @param certificatesProblem what is wrong with a file of certificates; null when nothing is
 */
export function acmeFindings(
  acme: AcmeConfig,
  place: KeyPath,
  folder: string,
  certificatesProblem: (name: string) => string | null,
): readonly Finding[] {
  const { storage, ca_file: caFile, dns } = acme;
  const untrusted = caFile === undefined ? null : certificatesProblem(caFile);
  const [program = ""] = dns?.command ?? [];
  return [
    ...storageFindings(path.resolve(folder, storage), [...place, "storage"]),
    ...(untrusted === null ? [] : [error([...place, "ca_file"], untrusted)]),
    ...(program.includes("/") ? programFindings(path.resolve(folder, program), [...place, "dns", "command", 0]) : []),
  ];
}

/** Only warnings where a right is missing, because the user who checks a file is often not the user who runs the proxy. */
function storageFindings(storage: string, place: KeyPath): Finding[] {
  const existing = nearest(storage);
  try {
    const stats = statSync(existing);
    if (!stats.isDirectory()) return [error(place, `${shownFile(existing)} is a file, not a folder`)];
    if (existing === storage && (stats.mode & 0o077) !== 0) {
      return [warning(place, `${shownFile(storage)} is open to other users, and private keys are in it: chmod 700`)];
    }
    accessSync(existing, constants.W_OK | constants.X_OK);
    return [];
  } catch (problem) {
    return [warning(place, `this user may not write in ${shownFile(existing)} (${codeOf(problem)})`)];
  }
}

/** The folder itself, or that of its parents which is there. */
function nearest(folder: string): string {
  for (let each = folder; ; each = path.dirname(each)) {
    if (path.dirname(each) === each || statSync(each, { throwIfNoEntry: false }) !== undefined) return each;
  }
}

function programFindings(program: string, place: KeyPath): Finding[] {
  try {
    accessSync(program, constants.X_OK);
    return [];
  } catch (problem) {
    const why = codeOf(problem) === "ENOENT" ? "does not exist" : "is no program that this user may run";
    return [error(place, `${shownFile(program)} ${why}`)];
  }
}
