import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { ClientFacts } from "../ports/client-facts.ts";
import type { ClientStream } from "../ports/client-stream.ts";

/**
 * For whom a request is sent, as an endpoint with `proxy_protocol` is told: the client as the listener believes it. A client that a trusted proxy
 * has named, and one that came through a program around the proxy, has no port here. Null: there is no client, or its address is not known.
 */
export function toldAddresses({ client, proxied }: ClientFacts, downstream: Pick<ClientStream, "addresses">): ConnectionAddresses | null {
  if (client === "") return null;
  const ends = proxied?.header.addresses ?? downstream.addresses();
  if (ends?.source === client) return ends;
  const anywhere = client.includes(":") ? "::" : "0.0.0.0";
  return { source: client, sourcePort: 0, destination: ends?.destination ?? anywhere, destinationPort: ends?.destinationPort ?? 0 };
}
