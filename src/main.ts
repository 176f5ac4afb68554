#!/usr/bin/env node
/**
 * Entry file of the command line: parses the arguments, runs the command, and exits with its code. Each command's code is loaded only when
 * it is asked for.
 */
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { HELP, defaultFile, parseArguments } from "./cli/arguments.ts";
import type { Command } from "./cli/arguments.ts";
import { wantsColours } from "./cli/colours.ts";
import { EarlySignals } from "./cli/early-signals.ts";
import { nodeProblem } from "./cli/node-version.ts";
import { filesProblem, tooFewFiles } from "./control/system/too-few-files.ts";

/** The commands that accept connections. */
const SERVING: readonly string[] = ["run", "proxy", "demo"];

let outputProblem: string | null = null;
let hasPrinted = false;
const out = (text: string): void => print(process.stdout, text);
const err = (text: string): void => print(process.stderr, text);

// Errors of these streams are handled in the callback of each write. Without a listener they would end the process with a stack trace.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

exit(await start().catch(internalError));

/** Resolves with the exit code. */
async function start(): Promise<number> {
  const { version, engines } = ownPackage();
  const unfit = nodeProblem(process.version, engines.node);
  if (unfit !== null) return refuse(unfit);
  cacheStrippedSources();
  const given = parseArguments(process.argv.slice(2), defaultFile(existsSync));
  const tooFew = SERVING.includes(given.command) ? tooFewFiles() : null;
  return tooFew === null ? execute(given, version) : refuse(`millrace: ${tooFew}`);
}

async function execute(given: Command, version: string): Promise<number> {
  switch (given.command) {
    case "run": {
      const signals = new EarlySignals();
      const inherited = (await import("./cli/inherited-sockets.ts")).inheritedSockets();
      const threads = (await import("./cli/early-threads.ts")).startEarlyThreads();
      return (await import("./cli/run.ts")).runCommand({ file: given.file, watch: given.watch, version, threads, inherited, signals });
    }
    case "proxy": {
      if (given.print) return (await import("./cli/proxy.ts")).printProxyConfig(given, out, err);
      const signals = new EarlySignals();
      const inherited = (await import("./cli/inherited-sockets.ts")).inheritedSockets();
      const threads = (await import("./cli/early-threads.ts")).startEarlyThreads();
      const { listen, target, prefixes } = given;
      return (await import("./cli/proxy.ts")).proxyCommand({ listen, target, prefixes, version, threads, inherited, signals });
    }
    case "demo": {
      const threads = (await import("./cli/early-threads.ts")).startEarlyThreads();
      return (await import("./cli/demo.ts")).demoCommand({ version, threads, tls: given.tls });
    }
    case "check": {
      const colours = wantsColours(process.env, isatty(2));
      const { checkCommand } = await import("./cli/check.ts");
      if (!given.acme) return checkCommand({ ...given, colours }, out, err);
      const { tryOrders } = await import("./cli/try-orders.ts");
      return checkCommand({ ...given, colours, tryOut: (config) => tryOrders(config, version, out, err) }, out, err);
    }
    case "explain":
      return (await import("./cli/explain.ts")).explainCommand(
        { ...given, version, colours: wantsColours(process.env, isatty(2)) },
        out,
        err,
      );
    case "init":
      return (await import("./cli/init.ts")).initCommand(given, out, err);
    case "convert":
      return (await import("./cli/convert.ts")).convertCommand(given, out, err);
    case "schema":
      return (await import("./cli/schema.ts")).schemaCommand(given.file, out, err, wantsColours(process.env, isatty(2)));
    case "new-key":
      return (await import("./cli/new-key.ts")).newKeyCommand(given, out, err);
    case "new-signing-key":
      return (await import("./cli/new-signing-key.ts")).newSigningKeyCommand(given.algorithm, out, err);
    case "public-keys":
      return (await import("./cli/new-signing-key.ts")).publicKeysCommand(given.file, out, err);
    case "trust": {
      const { askOnTerminal, trustCommand } = await import("./cli/trust.ts");
      const { ownSystem, runCommand } = await import("./cli/trust/own-system.ts");
      const ask = isatty(0) ? askOnTerminal : null;
      return trustCommand(given, { system: ownSystem, isRoot: process.getuid?.() === 0, run: runCommand, ask, now: Date.now }, out, err);
    }
    case "hash-password": {
      const { passwordFromStream, passwordOnTerminal } = await import("./cli/read-password.ts");
      const source = isatty(0) ? () => passwordOnTerminal(process.stdin, err) : () => passwordFromStream(process.stdin);
      return (await import("./cli/hash-password.ts")).hashPasswordCommand(given, source, out, err);
    }
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

/** Notes why stdout cannot be written. A reader that went away is no problem: `millrace schema | head` has what it wanted. */
function noteProblem(error: (Error & { code?: string }) | null | undefined): void {
  if (error?.code !== "EPIPE") outputProblem ??= error?.code ?? null;
}

/**
 * Reports an error that no command has handled, which is a mistake in Millrace: commands themselves report wrong arguments, files and
 * addresses.
 */
function internalError(error: unknown): number {
  const tooFew = filesProblem(error);
  if (tooFew !== null) return refuse(`millrace: ${tooFew}`);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  err(`millrace: internal error: ${text.replace(/\s*\n\s*/g, " | ")}\n`);
  return 2;
}

/**
 * Turns on Node's compile cache in a checkout, where stripping types takes half of the 600 ms from the start to the first answer. Built
 * JavaScript does not need it. The folder is the checkout's own, because whoever can write into a cache of compiled code can run code as
 * this user.
 */
function cacheStrippedSources(): void {
  if (!import.meta.url.endsWith(".ts") || process.env["NODE_COMPILE_CACHE"] !== undefined) return;
  const folder = fileURLToPath(new URL("../node_modules/.cache/millrace", import.meta.url));
  module.enableCompileCache(folder);
  // Threads learn of the folder only by the environment.
  process.env["NODE_COMPILE_CACHE"] = folder;
}

/** Prints why the process cannot start; gives the exit code. */
function refuse(problem: string): number {
  err(`${problem}\n`);
  return 2;
}

interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** Reads Millrace's package.json, which lies beside `src/` in a checkout and beside `dist/` in a build. */
function ownPackage(): OwnPackage {
  const text: OwnPackage = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return text;
}

/**
 * Ends the process when everything printed has been written, which may take a while for a pipe. Commands that serve have printers of their
 * own.
 */
function exit(code: number): void {
  if (!hasPrinted) process.exit(code);
  process.exitCode = code;
  process.stdout.write("", () => {
    const isCut = code === 0 && outputProblem !== null;
    if (isCut) err(`millrace: the output cannot be written: ${outputProblem}\n`);
    process.stderr.write("", () => process.exit(isCut ? 2 : code));
  });
}
