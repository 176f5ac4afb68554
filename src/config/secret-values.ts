/** Reads the secrets of a configuration from where it says that they are: `file:PATH`, `credential:NAME`, or a program (`exec`). */
import { messageOf } from "../base/errors.ts";
import type { Finding, KeyPath } from "../values/finding.ts";
import { secretCommandSchema } from "../values/secret-command.ts";
import type { SecretCommand, SecretSource } from "../values/secret-source.ts";
import type { Located, LocatedMap, LocatedScalar } from "./document/document.ts";
import { shownFile } from "./problems/shown.ts";

/** Gives the text of a file; throws an Error whose message says why it cannot be read. */
export type ReadSecret = (path: string) => string;

/** What only the machine knows of secrets. */
export interface MachineSecrets {
  /** The folder of the configuration, in which programs run. */
  readonly folder: string;
  /**
   * The path of the file that holds a credential.
   * @param folder from the configuration; undefined: it names none
   */
  readonly credentialFile: (name: string, folder: string | undefined) => string;
  /** What a program printed; null: it was not run. Throws an Error whose message is fit for the operator. */
  readonly printed: (command: SecretCommand) => string | null;
}

/** Stands for a secret that was not read. It has the form of every kind of secret. */
export const UNREAD = "not-read-".repeat(8);

/** A secret's value; text that is none of the forms stands for itself. */
export interface ReadValue {
  readonly value: LocatedScalar["value"];
  /** Absent: the value stands in the configuration, or cannot be read. */
  readonly secret?: SecretSource;
}

export interface SecretReading {
  readonly readSecret: ReadSecret;
  readonly machine: MachineSecrets | undefined;
  readonly credentialFolder: string | undefined;
  /** Gives the absolute form of a path that stands in an included file. */
  readonly resolve: (path: string, from: string) => string;
}

/** The value of a secret that is written as one text. One that looks like a number is still a text: `required_token: 0123` means these four characters. */
export function readWritten(
  value: LocatedScalar["value"],
  scalar: LocatedScalar,
  reading: SecretReading,
  refuse: (message: string) => void,
): ReadValue {
  const text = typeof value === "number" ? scalar.source : value;
  if (typeof text !== "string") return { value: text };
  const { file } = scalar.at;
  if (text.startsWith("file:")) {
    const name = text.slice("file:".length);
    return readFile(file === undefined ? name : reading.resolve(name, file), reading, text, refuse);
  }
  if (!text.startsWith("credential:")) return { value: text };
  const name = text.slice("credential:".length);
  if (!isCredentialName(name)) {
    refuse("expected credential:NAME with the name of a file: letters, digits, dots, dashes and underscores, no slash and not .. alone");
    return { value: text };
  }
  if (reading.machine === undefined) {
    refuse("there are no credentials here");
    return { value: text };
  }
  // Whoever has named no folder may not know where the file was looked for, and why there.
  const where = reading.credentialFolder === undefined ? `; ${FOLDERS}` : "";
  return readFile(reading.machine.credentialFile(name, reading.credentialFolder), reading, text, (message) => refuse(message + where));
}

const FOLDERS = "credentials lie in the folder that `secrets.folder` names, else in $CREDENTIALS_DIRECTORY, else in /run/secrets";

function isCredentialName(name: string): boolean {
  return /^[A-Za-z0-9_.-]{1,255}$/.test(name) && name !== "." && name !== "..";
}

function readFile(path: string, { readSecret }: SecretReading, written: string, refuse: (message: string) => void): ReadValue {
  try {
    const value = firstLine(readSecret(path));
    if (value === "") refuse(`the first line of the file ${shownFile(path)} is empty`);
    return { value, secret: { kind: "file", path } };
  } catch (error) {
    refuse(`cannot read the secret: ${messageOf(error)}`);
    return { value: written };
  }
}

/** The secret that the text of a file holds. */
export function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? "";
}

/** Whether a mapping in the place of a secret is a program. */
export function isCommand(node: Located): node is LocatedMap {
  return node.kind === "map" && node.entries.has("exec");
}

/**
 * What the program of a mapping printed, as a scalar in the place of the mapping. A mapping that is no program stays.
 * @param node with `${NAME}` replaced
 * @param given the same, as plain data
 * @param hidden values of the environment that stand in it
 * @param wrong takes the issues of a mapping that is no program
 */
export function readCommand(
  node: LocatedMap,
  given: unknown,
  hidden: readonly string[],
  { machine, resolve }: SecretReading,
  refuse: (message: string) => void,
  wrong: (issues: readonly CommandIssue[]) => void,
): Located {
  const unread: LocatedScalar = { kind: "scalar", at: node.at, value: UNREAD, plain: false, source: "" };
  const parsed = secretCommandSchema.safeParse(given);
  if (!parsed.success) {
    wrong(parsed.error.issues);
    return node;
  }
  if (machine === undefined) {
    refuse("no programs are run here");
    return unread;
  }
  const { file } = node.at;
  const folder = file === undefined ? machine.folder : resolve(".", file);
  const secret: SecretCommand = { kind: "command", ...parsed.data, hidden, folder };
  try {
    const value = machine.printed(secret);
    return value === null ? { ...unread, isUnread: true } : { ...unread, value, secret };
  } catch (error) {
    refuse(`cannot read the secret: ${messageOf(error)}`);
    return unread;
  }
}

type CommandIssue = NonNullable<ReturnType<typeof secretCommandSchema.safeParse>["error"]>["issues"][number];

/** Drops what was found out about files with a passphrase that was not read. */
export function withoutUnread(findings: readonly Finding[], root: Located): readonly Finding[] {
  const holders = holdersOfUnread(root, []).map((path) => path.slice(0, -1));
  return holders.length === 0 ? findings : findings.filter(({ path }) => !holders.some((holder) => isBelow(path, holder)));
}

function holdersOfUnread(node: Located, path: KeyPath): readonly KeyPath[] {
  if (node.kind === "scalar") return node.isUnread === true ? [path] : [];
  if (node.kind === "list") return node.items.flatMap((item, index) => holdersOfUnread(item, [...path, index]));
  return [...node.entries].flatMap(([key, { value }]) => holdersOfUnread(value, [...path, key]));
}

function isBelow(path: KeyPath, holder: KeyPath): boolean {
  return holder.every((part, index) => path[index] === part);
}
