import type { RequestHead } from "../http/request-head.ts";
import { SAID_BY_PROXIES, behindProxy, factsOfPeer, hiddenOf } from "../net/client-facts.ts";
import type { ClientFacts } from "../proxy/ports/client-facts.ts";
import type { EmbedHost } from "./embed-host.ts";

/**
 * Who sends the request, as for a connection of the host's own. Hides from the head what its sender may not say.
 * @param peer address of the connection's other end, without port; "": not known, so that nothing is believed
 */
export function requestFacts(host: EmbedHost, head: RequestHead, peer: string, secure: boolean): ClientFacts {
  const { trusted, config } = host;
  const isTrusted = peer !== "" && trusted.contains(peer);
  head.hidden = hiddenOf(isTrusted, host);
  if (host.reserved !== null) head.reserve(host.reserved);
  const direct = factsOfPeer({ client: peer, secure, tls: null, proxied: null }, config);
  if (isTrusted) return behindProxy(head, direct, host);
  if (peer !== "" && (head.present & SAID_BY_PROXIES) !== 0) host.notices.onForwarding(peer, config);
  return direct;
}
