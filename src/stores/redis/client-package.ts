/** The client for Redis: a package that whoever uses a store installs beside Millrace (docs/decisions/0035-stores-in-redis.md). */
import type * as ClientPackage from "@redis/client";
import { codeOf } from "../../base/errors.ts";

export const CLIENT_PACKAGE = "@redis/client";
/** The versions that work here. Kept equal to `peerDependencies` by a test. */
export const CLIENT_VERSIONS = "6";

/** Rejects with an Error that says what to install. */
export async function loadClient(): Promise<typeof ClientPackage> {
  try {
    return await import("@redis/client");
  } catch (error) {
    throw new Error(codeOf(error) === "ERR_MODULE_NOT_FOUND" ? missing() : `the package ${CLIENT_PACKAGE} cannot be loaded`, {
      cause: error,
    });
  }
}

/** What is wrong with the client's package; null: it is installed. */
export function clientProblem(resolve: (name: string) => string = (name) => import.meta.resolve(name)): string | null {
  try {
    resolve(CLIENT_PACKAGE);
    return null;
  } catch {
    return missing();
  }
}

function missing(): string {
  return `a store of type redis needs the package ${CLIENT_PACKAGE}, which is not installed: npm install ${CLIENT_PACKAGE}@${CLIENT_VERSIONS}`;
}
