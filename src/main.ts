#!/usr/bin/env node
/** Entry file of the command line: arguments in, exit code out. What a command needs is loaded when it is asked for. */
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";
import { HELP, defaultFile, parseArguments } from "./cli/arguments.ts";
import type { Command } from "./cli/arguments.ts";
import { EarlySignals } from "./cli/early-signals.ts";
import { nodeProblem } from "./cli/node-version.ts";
import { filesProblem, tooFewFiles } from "./cli/too-few-files.ts";

let outputProblem: string | null = null;
let hasPrinted = false;
const out = (text: string): void => print(process.stdout, text);
const err = (text: string): void => print(process.stderr, text);

// It is told with each write, too; without this it would end in a stack trace.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

exit(await start().catch(internalError));

async function start(): Promise<number> {
  const { version, engines } = ownPackage();
  const unfit = nodeProblem(process.version, engines.node);
  if (unfit !== null) return refuse(unfit);
  cacheStrippedSources();
  const given = parseArguments(process.argv.slice(2), defaultFile(existsSync));
  const tooFew = given.command === "run" || given.command === "demo" ? tooFewFiles() : null;
  return tooFew === null ? execute(given, version) : refuse(`millrace: ${tooFew}`);
}

async function execute(given: Command, version: string): Promise<number> {
  switch (given.command) {
    case "run": {
      const signals = new EarlySignals();
      const inherited = (await import("./cli/inherited-sockets.ts")).inheritedSockets();
      const threads = (await import("./cli/early-threads.ts")).startEarlyThreads();
      return (await import("./cli/run.ts")).runCommand({ file: given.file, version, threads, inherited, signals });
    }
    case "demo": {
      const threads = (await import("./cli/early-threads.ts")).startEarlyThreads();
      return (await import("./cli/demo.ts")).demoCommand({ version, threads });
    }
    case "check":
      return (await import("./cli/check.ts")).checkCommand(given.file, out, err);
    case "explain":
      return (await import("./cli/explain.ts")).explainCommand(given, out, err);
    case "schema":
      return (await import("./cli/schema.ts")).schemaCommand(out);
    case "help":
      out(HELP);
      return 0;
    case "version":
      out(`millrace ${version}\n`);
      return 0;
    case "wrong":
      err(`millrace: ${given.problem}\n`);
      return 1;
  }
}

function print(stream: NodeJS.WriteStream, text: string): void {
  hasPrinted = true;
  stream.write(text, stream === process.stdout ? noteProblem : undefined);
}

/** A reader that went away (`millrace schema | head`) has what it wanted. */
function noteProblem(error: (Error & { code?: string }) | null | undefined): void {
  if (error?.code !== "EPIPE") outputProblem ??= error?.code ?? null;
}

/** Our own mistake; whatever is wrong with arguments, files or addresses is said by the commands. */
function internalError(error: unknown): number {
  const tooFew = filesProblem(error);
  if (tooFew !== null) return refuse(`millrace: ${tooFew}`);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  err(`millrace: internal error: ${text.replace(/\s*\n\s*/g, " | ")}\n`);
  return 2;
}

/**
 * In a checkout Node strips types at every start: half of the 600 ms until the first answer. Its compile cache keeps the result. Built
 * JavaScript goes without; the folder is the checkout's own, for whoever can write a cache of compiled code runs code as us.
 */
function cacheStrippedSources(): void {
  if (!import.meta.url.endsWith(".ts") || process.env["NODE_COMPILE_CACHE"] !== undefined) return;
  const folder = fileURLToPath(new URL("../node_modules/.cache/millrace", import.meta.url));
  module.enableCompileCache(folder);
  // Threads have no other way to learn of it.
  process.env["NODE_COMPILE_CACHE"] = folder;
}

function refuse(problem: string): number {
  err(`${problem}\n`);
  return 2;
}

interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** package.json lies beside `src/` and, where it is built, beside `dist/`. */
function ownPackage(): OwnPackage {
  const text: OwnPackage = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return text;
}

/** Ends the process when what was printed has gone out: a pipe may still hold some of it. Those who serve have printers of their own. */
function exit(code: number): void {
  if (!hasPrinted) process.exit(code);
  process.exitCode = code;
  process.stdout.write("", () => {
    const isCut = code === 0 && outputProblem !== null;
    if (isCut) err(`millrace: the output cannot be written: ${outputProblem}\n`);
    process.stderr.write("", () => process.exit(isCut ? 2 : code));
  });
}
