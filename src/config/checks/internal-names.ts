/** Names that routes want and that the local authority (`tls: internal`) gives no certificate for. */
import { LOCAL_NAMES_TEXT, isLocalPattern } from "../../base/local-names.ts";
import { at, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/**
 * Errors about hosts of a route that nobody can reach over TLS, because all listeners have their certificates from the local authority alone.
 * @param host `host` of a condition of a route
 * @param file the file's content as plain data
 */
export function internalNames(host: unknown, path: KeyPath, file: unknown): Finding[] {
  const listeners = listOf(at(file, "listeners"));
  if (listeners.length === 0 || !listeners.every((listener) => isInternalAlone(at(listener, "tls")))) return [];
  const hosts = typeof host === "string" ? [[host, path] as const] : listOf(host).map((each, index) => [each, [...path, index]] as const);
  return hosts.flatMap(([pattern, place]) =>
    typeof pattern !== "string" || pattern === "*" || isLocalPattern(plain(pattern))
      ? []
      : [error(place, `tls: internal has no certificate for it: the local authority serves ${LOCAL_NAMES_TEXT}`)],
  );
}

function isInternalAlone(tls: unknown): boolean {
  if (tls === "internal") return true;
  return at(tls, "internal") !== undefined && listOf(at(tls, "certificates")).length === 0 && at(tls, "acme") === undefined;
}

/** As names are compared: in lower case, without the dot at the end, an address without brackets. */
function plain(pattern: string): string {
  return pattern
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[(.*)\]$/, "$1");
}
