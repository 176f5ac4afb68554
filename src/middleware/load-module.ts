/** Loads middleware in the threads that run them, by the addresses that the check of the configuration has made. */
import type { MiddlewareEntry } from "../config/middleware-schema.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import { exportedMiddleware } from "./exported-middleware.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { passVersionOn, resolveOwnName } from "../modules/module-hooks.ts";

/** Prepares a worker thread for {@link loadModule}. Call it once in the thread. */
export function prepareThread(): void {
  resolveOwnName();
  passVersionOn();
}

/**
 * Loads the middleware of an entry that was not checked, in the main thread of somebody's program.
 * @param base URL of the folder that paths are relative to, with a slash at the end
 */
export async function loadFrom(base: string, { use, options }: MiddlewareEntry): Promise<{ middleware: AnyMiddleware; options: unknown }> {
  const { url, name } = moduleAddress(use);
  const loaded: unknown = await import(/^(?:\.{0,2}\/|file:)/.test(url) ? new URL(url, base).href : url);
  return { middleware: exportedMiddleware(loaded, name), options };
}

/** Loads the module that `use` names and gives its middleware. Rejects with what the module throws. */
export async function loadModule({ use, options }: MiddlewareEntry): Promise<{ middleware: AnyMiddleware; options: unknown }> {
  const { url, name } = moduleAddress(use);
  const loaded: unknown = await import(url);
  return { middleware: exportedMiddleware(loaded, name), options };
}
