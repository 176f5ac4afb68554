import type { ListenTarget } from "../shared/protocol.ts";

/**
 * The URL at which people reach a listener: `http://127.0.0.1:8080`. For a listener on all addresses it names localhost.
 * @param configured the address in the configuration; given back when the listener is no TCP listener
 */
export function listenerUrl(target: ListenTarget, configured: string): string {
  if (target.kind !== "tcp") return configured;
  if (target.moreHosts !== undefined) return `http://localhost:${target.port}`;
  if (configured.startsWith(":") || configured.startsWith("*:")) return `http://localhost:${target.port} (all addresses)`;
  return `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}
