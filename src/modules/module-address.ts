/**
 * How a checked configuration names the module of a middleware, in `use`: its URL, the version of the files that were checked, and the name
 * of the middleware, as in `file:///etc/millrace/stamp.ts?millrace=1f0a3c#stamp`. Node keeps a module for each URL, so another version is
 * loaded anew, and the same version is not.
 */

export interface ModuleAddress {
  /** To import: the URL with the version. */
  readonly url: string;
  /** Name of the middleware in the module. */
  readonly name: string;
}

const VERSION = "millrace";

/** The text of `use` in a checked configuration. */
export function checkedUse(moduleUrl: string, version: string, name: string): string {
  return `${withVersion(moduleUrl, version)}#${name}`;
}

/** Reads what `checkedUse` wrote. */
export function moduleAddress(use: string): ModuleAddress {
  const hash = use.indexOf("#");
  return hash < 0 ? { url: use, name: "" } : { url: use.slice(0, hash), name: use.slice(hash + 1) };
}

/** The same module in that version. */
export function withVersion(moduleUrl: string, version: string): string {
  const url = new URL(moduleUrl);
  url.hash = "";
  url.searchParams.set(VERSION, version);
  return url.href;
}

/** The version in the URL of a module; null: it has none. */
export function versionIn(moduleUrl: string | undefined): string | null {
  return moduleUrl === undefined || !moduleUrl.includes(`${VERSION}=`) ? null : new URL(moduleUrl).searchParams.get(VERSION);
}

/** A module of the user's own, which may change while the process runs. Installed packages are loaded once. */
export function mayChange(moduleUrl: string): boolean {
  return moduleUrl.startsWith("file:") && !moduleUrl.includes("/node_modules/");
}
