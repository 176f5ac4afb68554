/**
 * Checks the middleware of a configuration: loads every module that it names in a thread of its own, and checks the options. The result is the
 * configuration with the addresses by which worker threads load the modules, or what is wrong.
 */
import { Worker } from "node:worker_threads";
import { asNode } from "../config/schema/json-schema.ts";
import type { SchemaNode } from "../config/schema/json-schema.ts";
import { middlewareEntries } from "../config/schema/middleware-entries.ts";
import type { PlacedEntry } from "../config/schema/middleware-entries.ts";
import type { DescribedUse } from "../config/schema/middleware-json-schema.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import type { Config } from "../config/schema/schema.ts";
import { checkedUse } from "../modules/module-address.ts";
import { moduleFaultText } from "../modules/module-fault.ts";
import { error } from "../values/finding.ts";
import type { Finding } from "../values/finding.ts";
import type { OptionsIssue } from "./check-options.ts";
import { withoutTexts } from "./harmless-message.ts";

/** What the thread checks. */
export interface AskedEntry extends MiddlewareEntry {
  /** Whether to give the JSON Schema of the options. */
  readonly wantsSchema: boolean;
}

/** The thread begins with the entry at that position. */
export interface CheckProgress {
  readonly begins: number;
}

/** What the thread has found. */
export interface CheckAnswer {
  /** Identifies the contents of all files that were loaded. */
  readonly version: string;
  /** URLs of the files of modules that were loaded, or looked for, and that may change. */
  readonly files: readonly string[];
  /** In the order of the entries that were asked for. */
  readonly entries: readonly CheckedEntry[];
}

export type CheckedEntry =
  /** Why the module cannot be used. */
  | { readonly fault: string }
  | {
      /** URL of the module. */
      readonly url: string;
      /** Name of the middleware. */
      readonly name: string;
      readonly issues: readonly OptionsIssue[];
      /** The JSON Schema of the options, as JSON; "null": there is none; null: it was not asked for. */
      readonly schema: string | null;
    };

/** The same configuration, ready for the workers, or what is wrong with it. */
export type CheckedModules = ({ readonly config: Config } | { readonly findings: readonly Finding[] }) & {
  /** URLs of the files of modules that were loaded, or looked for, and that may change; none when the modules could not be loaded at all. */
  readonly files: readonly string[];
};

/**
 * Loads the modules of a configuration's middleware and checks their options. Never rejects.
 * @param base URL of the folder that paths are relative to, with a slash at the end
 * @param limitMs time limit for all modules together
 */
export async function checkModules(config: Config, base: string, limitMs: number = MODULES_MS): Promise<CheckedModules> {
  const placed = middlewareEntries(config);
  if (placed.length === 0) return { config, files: [] };
  const { findings, files, answer } = await checkEntries(placed, base, limitMs);
  if (answer === null || findings.length > 0) return { findings, files };
  const checked = placed.map(({ entry }, index) => addressed(entry, answer.entries[index], answer.version));
  let next = 0;
  const take = (entries: readonly MiddlewareEntry[]): MiddlewareEntry[] => checked.slice(next, (next += entries.length));
  const middleware = take(config.middleware);
  const routes = config.routes.map((route) => (route.middleware === undefined ? route : { ...route, middleware: take(route.middleware) }));
  return { config: { ...config, middleware, routes }, files };
}

/** What is wrong with the modules and the options of these entries, of a configuration that may have other errors. Never rejects. */
export async function problemsOfEntries(
  placed: readonly PlacedEntry[],
  base: string,
): Promise<{ readonly findings: readonly Finding[]; readonly files: readonly string[] }> {
  return placed.length === 0 ? { findings: [], files: [] } : checkEntries(placed, base, MODULES_MS);
}

interface CheckedEntries {
  readonly findings: readonly Finding[];
  readonly files: readonly string[];
  /** Null: the modules could not be loaded. */
  readonly answer: CheckAnswer | null;
}

async function checkEntries(placed: readonly PlacedEntry[], base: string, limitMs: number): Promise<CheckedEntries> {
  const answer = await answerOf(base, askedOf(placed, false), limitMs);
  if ("fault" in answer) return { findings: faultOfAll(placed, answer), files: [], answer: null };
  const findings = placed.flatMap((each, index) => [...faultsOf(each, answer.entries[index]), ...issuesOf(each, answer.entries[index])]);
  return { findings, files: answer.files, answer };
}

/**
 * Loads the modules of a configuration's middleware and asks for the JSON Schema of their options, which themselves need not be right. Never
 * rejects.
 */
export async function describeModules(
  config: Config,
  base: string,
  limitMs: number = MODULES_MS,
): Promise<{ readonly described: readonly DescribedUse[] } | { readonly findings: readonly Finding[] }> {
  const placed = middlewareEntries(config);
  if (placed.length === 0) return { described: [] };
  const answer = await answerOf(base, askedOf(placed, true), limitMs);
  if ("fault" in answer) return { findings: faultOfAll(placed, answer) };
  const findings = placed.flatMap((each, index) => faultsOf(each, answer.entries[index]));
  if (findings.length > 0) return { findings };
  return { described: placed.map(({ entry: { use } }, index) => ({ use, options: schemaIn(answer.entries[index]) })) };
}

function schemaIn(checked: CheckedEntry | undefined): SchemaNode | null {
  const text = checked === undefined || "fault" in checked ? null : checked.schema;
  const schema: unknown = text === null ? null : JSON.parse(text);
  return typeof schema === "object" && schema !== null && !Array.isArray(schema) ? asNode(schema) : null;
}

function askedOf(placed: readonly PlacedEntry[], wantsSchema: boolean): readonly AskedEntry[] {
  return placed.map(({ entry }) => ({ ...entry, wantsSchema }));
}

/** The entry file of the thread: TypeScript in a checkout, JavaScript in a build. */
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./check-thread.ts" : "./check-thread.js", import.meta.url);
/** Time limit for all modules together, which may fetch what they need from elsewhere. */
const MODULES_MS = 30_000;

/** Why the thread gave no answer. */
interface NoAnswer {
  /** Position of the entry that it was loading or checking; 0 if it had checked all. */
  readonly at: number;
  readonly fault: string;
}

function faultOfAll(placed: readonly PlacedEntry[], { at, fault }: NoAnswer): readonly Finding[] {
  const text = `the module, or one that was loaded before it, cannot be used: ${fault}`;
  return placed.slice(at, at + 1).map(({ path }) => error([...path, "use"], text));
}

async function answerOf(base: string, entries: readonly AskedEntry[], limitMs: number): Promise<CheckAnswer | NoAnswer> {
  // The thread has an environment of its own: what a module changes there must not change the process.
  const thread = new Worker(THREAD, { workerData: { base, entries }, name: "millrace-middleware" });
  let at = 0;
  const answer = await new Promise<CheckAnswer | NoAnswer>((resolve) => {
    const gaveUp = (fault: string): void => resolve({ at, fault });
    const limit = setTimeout(() => gaveUp(`it has not loaded within ${limitMs / 1000} s`), limitMs);
    thread.on("message", (told: CheckAnswer | CheckProgress) => {
      if ("begins" in told) at = told.begins;
      else resolve(told);
    });
    thread.once("error", (reason) => gaveUp(moduleFaultText(reason, base)));
    thread.once("exit", (code) => {
      clearTimeout(limit);
      gaveUp(code === 0 ? "it waits for what never comes" : `it ended its thread (exit code ${code})`);
    });
  });
  void thread.terminate();
  return answer;
}

function faultsOf({ path }: PlacedEntry, checked: CheckedEntry | undefined): readonly Finding[] {
  if (checked === undefined || !("fault" in checked)) return [];
  return [error([...path, "use"], `the module cannot be used: ${checked.fault}`)];
}

function issuesOf({ path, entry }: PlacedEntry, checked: CheckedEntry | undefined): readonly Finding[] {
  if (checked === undefined || "fault" in checked || checked.issues.length === 0) return [];
  const harmless = withoutTexts(entry.options);
  return checked.issues.map((issue) => error([...path, "options", ...issue.path], harmless(issue.message)));
}

function addressed(entry: MiddlewareEntry, checked: CheckedEntry | undefined, version: string): MiddlewareEntry {
  return checked === undefined || "fault" in checked ? entry : { ...entry, use: checkedUse(checked.url, version, checked.name) };
}
