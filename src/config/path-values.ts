/** The values of a configuration that are paths of files, and so are relative to the folder of the file in which they stand. */
import { standsFor } from "./schema/defaults-schema.ts";
import { mapScalars } from "./document/document.ts";
import type { Located } from "./document/document.ts";
import { credentialsReader, kindOf } from "./feature-files.ts";
import type { ReadCredentials } from "../values/declaration.ts";
import type { KeyPath } from "../values/finding.ts";

/**
 * Makes the paths absolute that stand in included files. Those of the file that Millrace was started with stay as they are.
 * @param resolve gives the absolute form of a path that stands in the file `from`
 */
export function withAbsolutePaths(root: Located, resolve: (path: string, from: string) => string): Located {
  return mapScalars(root, (scalar, path) => {
    const { at, value } = scalar;
    const { file } = at;
    if (file === undefined || typeof value !== "string") return scalar;
    if (isTlsFile(path) || kindAt(path) !== null) return { ...scalar, value: resolve(value, file) };
    return isModule(path) && /^\.{1,2}\//.test(value) ? { ...scalar, value: moduleUrl(value, (name) => resolve(name, file)) } : scalar;
  });
}

const FILE_KEYS: ReadonlySet<string> = new Set(["ca_file", "crl_file", "cert_file", "key_file"]);

/** Whether the value at this path is the path of a file for TLS towards endpoints, or towards a store. */
function isTlsFile(path: KeyPath): boolean {
  const [first, , third, fourth, fifth] = standsFor(path);
  return (first === "upstreams" || first === "stores") && third === "tls" && FILE_KEYS.has(String(fourth)) && fifth === undefined;
}

/** What the value at this path is the path of, if a feature names it: in a route, in an upstream, or for all. Null: it is none. */
export function kindAt(path: KeyPath): ReturnType<typeof kindOf> {
  return kindOf(...placeInFeature(path));
}

/** What reads the file with credentials that the value at this path names. Null: it names none. */
export function credentialsReaderAt(path: KeyPath): ReadCredentials | null {
  return credentialsReader(...placeInFeature(path));
}

function placeInFeature(path: KeyPath): readonly [feature: string, place: string] {
  const place = standsFor(path);
  const [first, , third, ...inside] = place;
  if (first === "routes" || first === "upstreams") return [String(third), inside.join(".")];
  return [String(first), place.slice(1).join(".")];
}

/** Whether the value at this path names the module of a middleware. */
function isModule(path: KeyPath): boolean {
  return path.at(-1) === "use" && path.at(-3) === "middleware" && !path.includes("options");
}

/** The URL of a module, because the characters of a folder's name need not be those of a URL. */
function moduleUrl(use: string, resolve: (path: string) => string): string {
  const [, name = "", rest = ""] = /^([^?#]*)(.*)$/s.exec(use) ?? [];
  return `file://${encodeURI(resolve(name)).replace(/[?#]/g, encodeURIComponent)}${rest}`;
}
