/**
 * What only the machine knows of a configuration: whether the files and folders that it names are there and can be read, whether this user may
 * listen on its ports, and which files it includes.
 */
import type { AddressFile } from "../base/address-file.ts";
import { parseListenAddress } from "../base/listen-address.ts";
import { mapScalars, toPlain } from "./document/document.ts";
import type { Located } from "./document/document.ts";
import type { Includes } from "./include.ts";
import { tlsInFile } from "./listener-tls-in-file.ts";
import type { TlsInFile } from "./listener-tls-in-file.ts";
import { addressFileKind } from "./feature-files.ts";
import type { CredentialPlace } from "./feature-files.ts";
import { credentialsReaderAt, kindAt } from "./path-values.ts";
import { storeSchema } from "./schema/stores-schema.ts";
import type { RedisStoreConfig } from "./schema/stores-schema.ts";
import { at, entriesOf } from "../values/finding.ts";
import type { Finding, KeyPath } from "../values/finding.ts";
import type { MachineSecrets } from "./secret-values.ts";

/** A store, with its place. */
export interface PlacedStore {
  readonly path: KeyPath;
  readonly store: RedisStoreConfig;
}

/** Made by the caller. Each check gives a message, or null when nothing is wrong. A check that is absent is not made. */
export interface Surroundings {
  /** For texts in UTF-8 that a feature sends. */
  readonly textProblem?: (path: string) => string | null;
  /** For texts in UTF-8 with variables, for pages about errors. */
  readonly templateProblem?: (path: string) => string | null;
  /** For folders whose files a feature sends. */
  readonly folderProblem?: (path: string) => string | null;
  /** For files about addresses: what is wrong, such as lines of a list; empty when nothing is. */
  readonly addressFileProblems?: (file: AddressFile) => readonly string[];
  /** For files with credentials: what is wrong, empty when nothing is. */
  readonly credentialProblems?: (place: CredentialPlace) => readonly string[];
  /** For the files that TLS names. */
  readonly tlsFindings?: (file: TlsInFile) => readonly Finding[];
  /** For the stores outside of the process that have no mistakes themselves. */
  readonly storeFindings?: (stores: readonly PlacedStore[]) => readonly Finding[];
  readonly portProblem?: (port: number) => string | null;
  /** Absent: `include` is an error. */
  readonly includes?: Includes;
  /** Absent: `credential:NAME` and programs in the place of secrets are errors. */
  readonly secrets?: MachineSecrets;
}

/**
 * What the checks find in a configuration.
 * @param filled the same with the values of `defaults`
 */
export function findingsOfSurroundings(root: Located, filled: Located, surroundings: Surroundings): Finding[] {
  const findings: Finding[] = [];
  mapScalars(root, (scalar, path) => {
    if (typeof scalar.value !== "string") return scalar;
    const kind = kindAt(path);
    const text =
      kind === "files"
        ? surroundings.textProblem?.(scalar.value)
        : kind === "templates"
          ? surroundings.templateProblem?.(scalar.value)
          : null;
    if (text !== null && text !== undefined) findings.push({ path, message: text, severity: "error" });
    const folder = kind === "folders" ? surroundings.folderProblem?.(scalar.value) : null;
    // Only a warning: it may be filled, or mounted, later.
    if (folder !== null && folder !== undefined) findings.push({ path, message: folder, severity: "warning" });
    const about = addressFileKind(kind);
    const ofAddresses = about === null ? [] : (surroundings.addressFileProblems?.({ kind: about, path: scalar.value }) ?? []);
    const reader = kind === "credentials" ? credentialsReaderAt(path) : null;
    if (reader !== null)
      for (const message of surroundings.credentialProblems?.({ path: scalar.value, read: reader }) ?? [])
        findings.push({ path, message, severity: "error" });
    for (const message of ofAddresses) findings.push({ path, message, severity: "error" });
    const port = isListenAddress(path) ? portOf(scalar.value) : 0;
    const forbidden = port === 0 ? null : surroundings.portProblem?.(port);
    // Only a warning, because the user who checks a file is often not the user who runs the proxy.
    if (forbidden !== null && forbidden !== undefined) findings.push({ path, message: forbidden, severity: "warning" });
    return scalar;
  });
  if (surroundings.tlsFindings !== undefined) findings.push(...surroundings.tlsFindings(tlsInFile(toPlain(filled))));
  if (surroundings.storeFindings !== undefined) findings.push(...surroundings.storeFindings(storesIn(toPlain(filled))));
  return findings;
}

function storesIn(file: unknown): readonly PlacedStore[] {
  return entriesOf(at(file, "stores")).flatMap(([name, given]) => {
    const parsed = storeSchema.safeParse(given);
    return parsed.success && parsed.data.type === "redis" ? [{ path: ["stores", name], store: parsed.data }] : [];
  });
}

function isListenAddress(path: KeyPath): boolean {
  if (path.at(-1) !== "address") return false;
  return path[0] === "listeners" ? path.length === 3 : path.length === 2 && (path[0] === "server" || path[0] === "admin");
}

function portOf(address: string): number {
  const parsed = parseListenAddress(address).address;
  return parsed?.kind === "tcp" ? parsed.port : 0;
}
