import type { ListenTarget } from "../../shared/protocol.ts";

/**
 * The URL at which people reach a listener: `http://127.0.0.1:8080`. For a listener on all addresses it names localhost, and says so.
 * @param configured the address in the configuration; given back when the listener is no TCP listener
 */
export function listenerUrl(target: ListenTarget, configured: string): string {
  const url = reachableUrl(target, configured);
  return target.kind === "tcp" && target.moreHosts === undefined && isOnAll(configured) ? `${url} (all addresses)` : url;
}

/** The same, and nothing but the URL. */
export function reachableUrl(target: ListenTarget, configured: string): string {
  if (target.kind !== "tcp") return configured;
  if (target.moreHosts !== undefined || isOnAll(configured)) return `http://localhost:${target.port}`;
  return `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}

function isOnAll(configured: string): boolean {
  return configured.startsWith(":") || configured.startsWith("*:");
}
