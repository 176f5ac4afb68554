/**
 * Entry file of a thread that evaluates one configuration module and sends what it exports to the main thread. A thread of its own has two
 * advantages: whatever the module starts, keeps in memory or throws late is gone with the thread, and each thread reads all modules again.
 */
import { readFileSync } from "node:fs";
import module from "node:module";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { LocatedMap } from "../config/document/document.ts";
import { readObject } from "../config/document/read-object.ts";
import { withModules } from "../middleware/given-middleware.ts";
import { withLiteralPlaces } from "./literal-places.ts";
import { commonJsAdvice, moduleFault } from "../modules/module-fault.ts";
import type { ModuleFault } from "../modules/module-fault.ts";
import { resolveNoted, resolveOwnName, takeModulesByText } from "../modules/module-hooks.ts";

/** The export as a tree, or a message when it is no configuration object (`readObject`); or why the module could not be evaluated. */
export type ModuleAnswer = { readonly root: LocatedMap | string } | { readonly fault: ModuleFault };

/** What the thread sends. */
export interface ModuleLoaded {
  readonly answer: ModuleAnswer;
  /** URLs of the files that were loaded, or looked for, and that may change. */
  readonly files: readonly string[];
}

const files = new Set<string>();

resolveOwnName();
takeModulesByText();
module.registerHooks({
  resolve: (specifier, context, next) =>
    resolveNoted(
      () => next(specifier, context),
      specifier,
      context.parentURL,
      (url) => files.add(url),
    ),
});
parentPort?.postMessage({ answer: await answer(String(workerData)), files: [...files] } satisfies ModuleLoaded);

async function answer(address: string): Promise<ModuleAnswer> {
  try {
    const loaded: unknown = await import(address);
    // A rejected promise that the module does not handle ends the thread at the end of this turn of the event loop.
    await turn();
    if (typeof loaded === "object" && loaded !== null && "default" in loaded)
      return { root: await rootOf(withModules(loaded.default), address) };
    return { fault: { line: 1, column: 1, message: "there is no default export: write export default defineConfig({...})" } };
  } catch (error) {
    const { message, ...place } = moduleFault(error, address);
    return { fault: { ...place, message: `the module cannot be loaded: ${message}${commonJsAdvice(error)}` } };
  }
}

async function rootOf(config: unknown, address: string): Promise<LocatedMap | string> {
  const root = readObject(config, () => false);
  if (typeof root === "string") {
    // Loaded for a message only: with the schemas of all features, it takes longer to load than everything else here.
    const { isVocabulary } = await import("../config/schema/foreign-keys.ts");
    return readObject(config, isVocabulary);
  }
  const file = fileURLToPath(address);
  return withLiteralPlaces(root, readFileSync(file, "utf8"), /\.[cm]?ts$/.test(file));
}
