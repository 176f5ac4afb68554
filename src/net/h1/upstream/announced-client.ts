import type { ConnectionAddresses } from "../../../proxy-protocol/header.ts";

/** The client that a PROXY header names, as text: equal for equal clients. */
export function announcedClient({ source, sourcePort }: ConnectionAddresses): string {
  return `${source} ${sourcePort}`;
}
