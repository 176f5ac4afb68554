/** Hooks into Node's loading of modules, for the modules of middleware and configurations. */
import { readFileSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";
import { mayChange, versionIn, withVersion } from "./module-address.ts";
import { isModuleText } from "./module-syntax.ts";

/** The entry file of this package: TypeScript in a checkout, JavaScript in a build. */
const OWN = new URL(import.meta.url.endsWith(".ts") ? "../millrace.ts" : "../millrace.js", import.meta.url).href;

/** Makes `import ... from "millrace"` import this program, wherever the importing module lies, even if nothing is installed there. */
export function resolveOwnName(): void {
  module.registerHooks({
    resolve: (specifier, context, next) => (specifier === "millrace" ? { url: OWN, shortCircuit: true } : next(specifier, context)),
  });
}

/**
 * Takes the user's own `.ts` and `.js` files for what they are, in a package whose `"type"` is `commonjs` too: most programs that get a configuration in
 * TypeScript beside them are such packages.
 */
export function takeModulesByText(): void {
  module.registerHooks({
    load: (url, context, next) => {
      const format = MODULE_FORMATS[context.format ?? ""];
      const isModule = format !== undefined && mayChange(url) && /\.[jt]s(?:\?|$)/.test(url) && isModuleText(textOf(url));
      return isModule ? next(url, { ...context, format }) : next(url, context);
    },
  });
}

const MODULE_FORMATS: Readonly<Record<string, string>> = { commonjs: "module", "commonjs-typescript": "module-typescript" };

/** "" for a file that cannot be read, which the error of loading it says. */
function textOf(url: string): string {
  try {
    return readFileSync(fileURLToPath(url.replace(/[?#].*$/, "")), "utf8");
  } catch {
    return "";
  }
}

/** Gives the version of a module to what it imports, so that a changed module brings its changed imports. */
export function passVersionOn(): void {
  module.registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      const version = versionIn(context.parentURL);
      return version === null || resolved.url === OWN || !mayChange(resolved.url)
        ? resolved
        : { ...resolved, url: withVersion(resolved.url, version) };
    },
  });
}

/**
 * Resolves a module, and notes the URL of its file if that may change. A file that is not there is noted too: it may come.
 * @param parentUrl URL of the importing module
 */
export function resolveNoted<Resolved extends { readonly url: string }>(
  resolve: () => Resolved,
  specifier: string,
  parentUrl: string | undefined,
  note: (url: string) => void,
): Resolved {
  try {
    const resolved = resolve();
    if (mayChange(resolved.url)) note(resolved.url);
    return resolved;
  } catch (error) {
    const missing = /^(?:\.{0,2}\/|file:)/.test(specifier) && URL.canParse(specifier, parentUrl) ? new URL(specifier, parentUrl).href : "";
    if (mayChange(missing)) note(missing);
    throw error;
  }
}
