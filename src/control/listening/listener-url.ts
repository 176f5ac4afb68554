import type { ListenTarget } from "../../shared/protocol.ts";

/** A listener, as far as its URL says it. */
export interface ReachedListener {
  readonly target: ListenTarget;
  /** The address in the configuration; given back when the listener is no TCP listener. */
  readonly address: string;
  readonly scheme: "http" | "https";
}

/** The URL at which people reach a listener: `http://127.0.0.1:8080`. For a listener on all addresses it names localhost, and says so. */
export function listenerUrl(listener: ReachedListener): string {
  const { target, address: configured } = listener;
  const url = reachableUrl(listener);
  return target.kind === "tcp" && target.moreHosts === undefined && isOnAll(configured) ? `${url} (all addresses)` : url;
}

/** The same, and nothing but the URL. */
export function reachableUrl({ target, address: configured, scheme }: ReachedListener): string {
  if (target.kind !== "tcp") return configured;
  if (target.moreHosts !== undefined || isOnAll(configured)) return `${scheme}://localhost:${target.port}`;
  return `${scheme}://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
}

function isOnAll(configured: string): boolean {
  return configured.startsWith(":") || configured.startsWith("*:");
}
