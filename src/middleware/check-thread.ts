/**
 * Entry file of a thread that loads the modules of a configuration's middleware and checks their options, before the configuration is used.
 * A new thread reads all modules again, and whatever they start or throw late is gone with it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import module from "node:module";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { checkOptions } from "./check-options.ts";
import type { AskedEntry, CheckAnswer, CheckProgress, CheckedEntry } from "./check-modules.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import { exportedMiddleware } from "./exported-middleware.ts";
import { mayChange, moduleAddress } from "../modules/module-address.ts";
import { moduleFaultText } from "../modules/module-fault.ts";
import { resolveNoted, resolveOwnName, takeModulesByText } from "../modules/module-hooks.ts";

interface Asked {
  /** URL of the folder that the configuration lies in, with a slash at the end. */
  readonly base: string;
  readonly entries: readonly AskedEntry[];
}

/** Marks what `use` names, so that it is resolved from the configuration's folder. */
const FROM_CONFIGURATION = "millrace-use:";

const { base, entries } = workerData as Asked;
/** The files that were loaded, or looked for, and may change. */
const files = new Set<string>();
/** Where each `use` led, by the text that was imported. */
const resolvedUrls = new Map<string, string>();

let loadedLast = "";

resolveOwnName();
takeModulesByText();
module.registerHooks({
  load: (url, context, next) => {
    if (mayChange(url)) loadedLast = url;
    return next(url, context);
  },
  resolve: (specifier, context, next) => {
    const isUse = specifier.startsWith(FROM_CONFIGURATION);
    const wanted = isUse ? specifier.slice(FROM_CONFIGURATION.length) : specifier;
    const from = isUse ? { ...context, parentURL: base } : context;
    const note = (url: string): void => void files.add(url);
    const resolved = resolveNoted(() => next(wanted, from), wanted, from.parentURL, note);
    if (isUse) resolvedUrls.set(specifier, resolved.url);
    return resolved;
  },
});

// Not awaited here: Node would print a warning if a module waited for what never comes.
void checkAll();

async function checkAll(): Promise<void> {
  const answers: CheckedEntry[] = [];
  for (const [begins, entry] of entries.entries()) {
    parentPort?.postMessage({ begins } satisfies CheckProgress);
    answers.push(await checked(entry));
  }
  // A rejected promise that a module does not handle ends the thread at the end of this turn of the event loop.
  await turn();
  parentPort?.postMessage({ version: versionOf(files), files: [...files], entries: answers } satisfies CheckAnswer);
}

async function checked({ use, options, wantsSchema }: AskedEntry): Promise<CheckedEntry> {
  const { url: specifier, name } = moduleAddress(use);
  const imported = `${FROM_CONFIGURATION}${specifier}`;
  let middleware: AnyMiddleware;
  try {
    const loaded: unknown = await import(imported);
    middleware = exportedMiddleware(loaded, name);
  } catch (error) {
    return { fault: moduleFaultText(error, base, loadedLast) };
  }
  const result = await checkOptions(middleware, options);
  return {
    url: resolvedUrls.get(imported) ?? "",
    name: middleware.definition.name,
    issues: "issues" in result ? result.issues : [],
    schema: wantsSchema ? schemaOf(middleware) : null,
  };
}

/** The JSON Schema of the options, as plain data; null: the library has none. */
function schemaOf({ definition: { options } }: AnyMiddleware): string | null {
  // It takes no options.
  if (options === undefined) return JSON.stringify({ not: {} });
  try {
    return JSON.stringify(options["~standard"].jsonSchema?.input({ target: "draft-2020-12" }) ?? null);
  } catch {
    // The library cannot express the schema.
    return null;
  }
}

/** A text that changes when one of the files does. */
function versionOf(urls: ReadonlySet<string>): string {
  const hash = createHash("sha256");
  for (const url of [...urls].toSorted()) hash.update(url).update("\0").update(contentsOf(url)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** "" for a file that cannot be read: a module may ask where a file would be that does not exist. */
function contentsOf(url: string): Buffer | string {
  try {
    return readFileSync(fileURLToPath(url));
  } catch {
    return "";
  }
}
