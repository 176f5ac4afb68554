/** `millrace trust`: has this system and its browsers trust the root of the local authority, or no longer. */
import { X509Certificate } from "node:crypto";
import path from "node:path";
import readline from "node:readline/promises";
import { isBoundRoot, makeAuthority } from "../authority/new-authority.ts";
import { AuthorityProblem, defaultStorage, openAuthority, readAuthority } from "../authority/storage.ts";
import { LOCAL_NAMES_TEXT } from "../base/local-names.ts";
import { withPrivateCopy } from "./trust/private-copy.ts";
import { findStores } from "./trust/trust-store.ts";
import type { Argv, TrustStore, TrustSystem } from "./trust/trust-store.ts";

export interface TrustArguments {
  /** Whether to remove the root instead of adding it. */
  readonly remove: boolean;
  /** Whether to do it without asking. */
  readonly yes: boolean;
  /** The folder of the authority; null: the user's own. */
  readonly storage: string | null;
}

/** What the command stands on. */
export interface TrustHost {
  readonly system: TrustSystem;
  readonly isRoot: boolean;
  /** Runs a command. Gives null, or why it failed. */
  readonly run: (argv: Argv) => string | null;
  /** Asks a question that is answered by yes or no; null: there is nobody to ask. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * The common name of a root that this program has made. The folder may belong to somebody else than who runs the command, root most of all, and the name becomes
 * the name of a file.
 */
const OWN_NAME = /^Millrace local authority [0-9a-f]{8}$/;

/** What is to be done in one store, and whether it is done. */
interface Task {
  readonly store: TrustStore;
  readonly commands: readonly Argv[];
  readonly isDone: boolean;
  readonly mayRun: boolean;
}

/**
 * Resolves with the exit code: 0 when all is done, 1 when the arguments are wrong or the user says no, 2 when something failed or is left to the user.
 */
export async function trustCommand(
  given: TrustArguments,
  host: TrustHost,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const fail = (problem: string, code: number): number => {
    err(`millrace trust: ${problem}\n`);
    return code;
  };
  let file: string;
  let certificate: string;
  try {
    const folder = path.resolve(given.storage ?? defaultStorage());
    const now = host.now();
    // What has expired is removed too.
    const stored = given.remove ? readAuthority(folder, 0) : await openAuthority(folder, now, () => makeAuthority(now));
    if (stored === null) return fail(`there is no local authority in ${folder}`, 1);
    ({ file, root: certificate } = stored);
  } catch (error) {
    if (error instanceof AuthorityProblem) return fail(error.message, 2);
    throw error;
  }
  const read = new X509Certificate(certificate);
  if (!OWN_NAME.test(commonNameOf(read)) || !(given.remove || isBoundRoot(certificate)))
    return fail(`${file} was not made by millrace: it is no root that is good for local names only`, 2);
  // The owner of the folder could replace the file from here on.
  return withPrivateCopy(read.toString(), (copy) => change({ read, file, copy }, given, host, { out, err, fail }));
}

/** A root that was found good, and the files that hold it. */
interface CheckedRoot {
  readonly read: X509Certificate;
  /** In the authority's folder, for what the user has to do. */
  readonly file: string;
  /** For the commands that are run. */
  readonly copy: string;
}

interface Console {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Says why nothing is done, and gives the exit code. */
  readonly fail: (problem: string, code: number) => number;
}

async function change(root: CheckedRoot, given: TrustArguments, host: TrustHost, { out, err, fail }: Console): Promise<number> {
  const { tasks, byHand } = tasksFor(root, given.remove, host);
  out(describe(root, given.remove, tasks, byHand));
  const toRun = tasks.filter(({ isDone, mayRun }) => !isDone && mayRun);
  if (toRun.length > 0 && !given.yes) {
    if (host.ask === null) return fail("nobody is there to ask; --yes goes ahead without", 1);
    if (!(await host.ask(given.remove ? "Remove it?" : "Add it?"))) return fail("nothing was changed", 1);
  }
  const failed = toRun.filter((task) => !carryOut(task, host, out, err));
  const left = tasks.filter(({ isDone, mayRun }) => !isDone && !mayRun);
  if (left.length > 0) out(`Left to do, as root:\n${left.map(({ commands }) => `  ${sudo(commands)}\n`).join("")}`);
  return failed.length === 0 && left.length === 0 && byHand.length === 0 ? 0 : 2;
}

/** Asks on the terminal; only "y" and "yes" mean yes. */
export async function askOnTerminal(question: string): Promise<boolean> {
  const terminal = readline.createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-D and Ctrl-C are no.
    const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    return /^y(?:es)?$/i.test((await Promise.race([terminal.question(`${question} [y/N] `), closed])).trim());
  } finally {
    terminal.close();
  }
}

function tasksFor(
  { read, file, copy }: CheckedRoot,
  remove: boolean,
  host: TrustHost,
): { readonly tasks: readonly Task[]; readonly byHand: readonly string[] } {
  const root = { name: commonNameOf(read), sha1: read.fingerprint.replaceAll(":", "") };
  const mayRun = ({ needsRoot }: TrustStore): boolean => !needsRoot || host.isRoot;
  const { stores, byHand } = findStores(host.system, { ...root, file });
  const run = findStores(host.system, { ...root, file: copy }).stores.filter(mayRun);
  const left = stores.filter((store) => !mayRun(store));
  return { tasks: [...run, ...left].map((store) => taskOf(store, remove, mayRun(store), host)), byHand };
}

function taskOf(store: TrustStore, remove: boolean, mayRun: boolean, host: TrustHost): Task {
  const isThere = "file" in store.shows ? host.system.isFile(store.shows.file) : host.run(store.shows.command) === null;
  return { store, commands: remove ? store.remove : store.install, isDone: isThere !== remove, mayRun };
}

function describe({ read, file }: CheckedRoot, remove: boolean, tasks: readonly Task[], byHand: readonly string[]): string {
  const lines = [
    remove
      ? "The root of the local authority, which is to be trusted no longer:"
      : "The root of the local authority, which is to be trusted:",
    `  subject      ${read.subject.split("\n").toReversed().join(", ")}`,
    `  SHA-256      ${read.fingerprint256}`,
    `  valid until  ${read.validTo}`,
    `  good for     ${LOCAL_NAMES_TEXT}; for nothing else`,
    `  file         ${file}`,
    ...(remove
      ? []
      : [
          "The key of the root is gone. The one that signs lies in the same folder, for you alone; whoever gets it can pretend to be these names to you.",
        ]),
    remove ? "It goes from:" : "It goes to:",
    ...tasks.flatMap(({ store: { title }, commands, isDone, mayRun }) =>
      isDone
        ? [`  ${title}: ${remove ? "it is not there" : "it is there already"}`]
        : [`  ${title}:`, `    ${mayRun ? commands.map(inShell).join(" && ") : sudo(commands)}`],
    ),
    ...byHand.map((line) => `  by hand: ${line}`),
    ...(tasks.length === 0 && byHand.length === 0 ? ["  nothing on this system is known to trust roots"] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** Runs the commands of a task until one fails. Gives whether all succeeded. */
function carryOut({ store, commands }: Task, host: TrustHost, out: (text: string) => void, err: (text: string) => void): boolean {
  for (const argv of commands) {
    const problem = host.run(argv);
    if (problem === null) continue;
    err(`millrace trust: ${store.title}: ${inShell(argv)} failed: ${problem}\n`);
    return false;
  }
  out(`Done: ${store.title}\n`);
  return true;
}

function sudo(commands: readonly Argv[]): string {
  return commands.map((argv) => `sudo ${inShell(argv)}`).join(" && ");
}

/** The command as a shell reads it. */
function inShell(argv: Argv): string {
  return argv.map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(" ");
}

function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? "";
}
