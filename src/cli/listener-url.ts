import type { ListenTarget } from "../shared/protocol.ts";

/** How people reach a listener: `http://127.0.0.1:8080`. One that listens on all addresses is shown as localhost. */
export function listenerUrl(target: ListenTarget, configured: string): string {
  if (target.kind !== "tcp") return configured;
  if (target.moreHosts !== undefined) return `http://localhost:${target.port}`;
  if (configured.startsWith(":") || configured.startsWith("*:")) return `http://localhost:${target.port} (all addresses)`;
  return `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}
