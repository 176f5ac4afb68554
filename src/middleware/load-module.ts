/** Loads middleware in the threads that run them, by the addresses that the check of the configuration has made. */
import { messageOf, stackOf } from "../base/errors.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import type { AnyMiddleware } from "./define-middleware.ts";
import { exportedMiddleware } from "./exported-middleware.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { commonJsAdvice, moduleFaultText } from "../modules/module-fault.ts";
import { passVersionOn, resolveOwnName, takeModulesByText } from "../modules/module-hooks.ts";

/** Prepares a worker thread for {@link MiddlewareModules}. Call it once in the thread. */
export function prepareThread(): void {
  resolveOwnName();
  passVersionOn();
  takeModulesByText();
  forbidExit();
}

/** Makes `process.exit` throw: it would end the thread with all its exchanges, and what is thrown costs one of them. */
function forbidExit(): void {
  const exit = process.exit.bind(process);
  process.exit = (...given) => {
    // Node calls it too, after an error that nobody has caught. Without an argument it keeps the exit code that was set.
    const caller = stackOf(new Error("called")).split("\n")[2] ?? "";
    if (caller.includes("node:internal/")) exit(...given);
    throw new Error("process.exit was called: a middleware cannot end its worker");
  };
}

/**
 * Loads the middleware of an entry that was not checked, in the main thread of somebody's program.
 * @param base URL of the folder that paths are relative to, with a slash at the end
 */
export async function loadFrom(base: string, { use, options }: MiddlewareEntry): Promise<{ middleware: AnyMiddleware; options: unknown }> {
  const { url, name } = moduleAddress(use);
  const loaded: unknown = await import(/^(?:\.{0,2}\/|file:)/.test(url) ? new URL(url, base).href : url).catch((error: unknown) => {
    // The hooks that take such a file for what it is would act on the whole program.
    const advice = commonJsAdvice(error);
    throw advice === "" ? error : new Error(`${messageOf(error)}${advice}`, { cause: error });
  });
  return { middleware: exportedMiddleware(loaded, name), options };
}

/** Loads the modules of middleware in a worker thread, and knows which middleware a module holds. */
export class MiddlewareModules {
  /** By the URL without version. */
  private readonly names: Map<string, string> = new Map();

  /** Loads the module that `use` names and gives its middleware. Rejects with an Error of one line that shows no secret. */
  async load({ use, options }: MiddlewareEntry): Promise<{ middleware: AnyMiddleware; options: unknown }> {
    const { url, name } = moduleAddress(use);
    try {
      const loaded: unknown = await import(url);
      const middleware = exportedMiddleware(loaded, name);
      this.names.set(withoutQuery(url), middleware.definition.name);
      return { middleware, options };
    } catch (error) {
      throw unloadable(error);
    }
  }

  /** The middleware that the first of these modules holds which holds one; null: none does. */
  nameIn(modules: readonly string[]): string | null {
    return modules.map((url) => this.names.get(withoutQuery(url)) ?? null).find((name) => name !== null) ?? null;
  }
}

/** Without the error itself as the cause, which may show a secret. */
function unloadable(error: unknown): Error {
  return new Error(`the module cannot be loaded: ${moduleFaultText(error, "file://")}`);
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, "");
}
