/**
 * Checks the middleware of a configuration: loads every module that it names in a thread of its own, and checks the options. The result is the
 * configuration with the addresses by which worker threads load the modules, or what is wrong.
 */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { middlewareEntries } from "../config/middleware-entries.ts";
import type { PlacedEntry } from "../config/middleware-entries.ts";
import type { MiddlewareEntry } from "../config/middleware-schema.ts";
import type { Config } from "../config/schema.ts";
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

/** What the thread has found. */
export interface CheckAnswer {
  /** Identifies the contents of all files that were loaded. */
  readonly version: string;
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
export type CheckedModules = { readonly config: Config } | { readonly findings: readonly Finding[] };

/**
 * Loads the modules of a configuration's middleware and checks their options. Never rejects.
 * @param base URL of the folder that paths are relative to, with a slash at the end
 */
export async function checkModules(config: Config, base: string): Promise<CheckedModules> {
  const placed = middlewareEntries(config.middleware, config.routes);
  if (placed.length === 0) return { config };
  const answer = await answerOf(
    base,
    placed.map(({ entry }) => ({ ...entry, wantsSchema: false })),
  );
  // What a module throws late cannot be told from what another one throws.
  if ("fault" in answer)
    return { findings: placed.slice(0, 1).map(({ path }) => error([...path, "use"], `the modules cannot be used: ${answer.fault}`)) };
  const findings = placed.flatMap((each, index) => findingsOf(each, answer.entries[index]));
  if (findings.length > 0) return { findings };
  const checked = placed.map(({ entry }, index) => addressed(entry, answer.entries[index], answer.version));
  let next = 0;
  const take = (entries: readonly MiddlewareEntry[]): MiddlewareEntry[] => checked.slice(next, (next += entries.length));
  const middleware = take(config.middleware);
  const routes = config.routes.map((route) => (route.middleware === undefined ? route : { ...route, middleware: take(route.middleware) }));
  return { config: { ...config, middleware, routes } };
}

/** The entry file of the thread: TypeScript in a checkout, JavaScript in a build. */
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./check-thread.ts" : "./check-thread.js", import.meta.url);
/** Time limit for all modules together, which may fetch what they need from elsewhere. */
const MODULES_MS = 30_000;

async function answerOf(base: string, entries: readonly AskedEntry[]): Promise<CheckAnswer | { readonly fault: string }> {
  const thread = new Worker(THREAD, { workerData: { base, entries }, env: SHARE_ENV, name: "millrace-middleware" });
  const answer = await new Promise<CheckAnswer | { readonly fault: string }>((resolve) => {
    const limit = setTimeout(() => resolve({ fault: `they have not loaded within ${MODULES_MS / 1000} s` }), MODULES_MS);
    thread.once("message", resolve);
    thread.once("error", (reason) => resolve({ fault: moduleFaultText(reason, base) }));
    thread.once("exit", (code) => {
      clearTimeout(limit);
      resolve({ fault: code === 0 ? "one waits for what never comes" : `one ended its thread (exit code ${code})` });
    });
  });
  void thread.terminate();
  return answer;
}

function findingsOf({ path, entry }: PlacedEntry, checked: CheckedEntry | undefined): readonly Finding[] {
  if (checked === undefined) return [];
  if ("fault" in checked) return [error([...path, "use"], `the module cannot be used: ${checked.fault}`)];
  return checked.issues.map((issue) => error([...path, "options", ...issue.path], withoutTexts(issue.message, entry.options)));
}

function addressed(entry: MiddlewareEntry, checked: CheckedEntry | undefined, version: string): MiddlewareEntry {
  return checked === undefined || "fault" in checked ? entry : { ...entry, use: checkedUse(checked.url, version, checked.name) };
}
