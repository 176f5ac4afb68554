/**
 * Who the client of a request is. A trusted proxy names the client in X-Forwarded-For or Forwarded (the configuration says in which);
 * forwarding fields of anybody else are hidden.
 */
import { clientAddress, elementOfClient } from "../http/client-address.ts";
import { UNTRUSTED_DROPPED } from "../http/forward-fields.ts";
import { parseForwarded } from "../http/forwarded.ts";
import { Known, bit } from "../http/known-fields.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ClientFacts } from "../proxy/ports/client-facts.ts";
import type { OwnAnswers } from "../proxy/ports/own-answers.ts";
import type { ConnectionFacts } from "./accept/connection-facts.ts";
import type { ListenerConfig, ListenerContext } from "./accept/listener-context.ts";
import { certificateLines } from "./certificate-lines.ts";

/** Bits of the fields in which a proxy names its client. Browsers and other clients send none of these. */
export const SAID_BY_PROXIES: number =
  bit(Known.forwarded) | bit(Known.xForwardedFor) | bit(Known.xForwardedProto) | bit(Known.xForwardedHost);

/**
 * The facts of a client that is itself the connection's peer.
 * @param ownAnswers what its connection answers itself; null: nothing
 */
export function factsOfPeer(
  { client: peer, secure, tls, proxied }: Omit<ConnectionFacts, "peer">,
  config: ListenerConfig,
  ownAnswers: OwnAnswers | null = null,
): ClientFacts {
  const certificate = tls === null ? null : tls.certificate;
  const lines = certificate === null ? "" : certificateLines(certificate);
  return {
    peer,
    client: peer,
    trusted: false,
    secure,
    tls,
    certificateLines: lines,
    ownAnswers,
    forwarded: null,
    unsafeFieldNames: config.unsafe_field_names,
    forwardedPathFields: config.forwarded_path_fields,
    proxied,
  };
}

/**
 * The facts of a request that a trusted proxy has passed on. Only the field that `context.addressFrom` names is read.
 * @param direct the facts of the proxy itself, which is the connection's peer
 */
export function behindProxy(head: RequestHead, direct: ClientFacts, context: ListenerContext): ClientFacts {
  const said = { ...direct, trusted: true };
  if (context.addressFrom === "x_forwarded_for") {
    return { ...said, client: clientAddress(direct.peer, head.knownValues(Known.xForwardedFor), context.trusted), forwarded: null };
  }
  const elements = parseForwarded(head.knownValues(Known.forwarded)) ?? [];
  const nodes = elements.map((element) => element.for ?? "unknown");
  const forwarded = { elements, ofClient: elementOfClient(elements, context.trusted) };
  return { ...said, client: clientAddress(direct.peer, nodes, context.trusted), forwarded };
}

/**
 * Bits of the fields to hide from everything that reads the request (routes, limits, middleware): those that are not forwarded because
 * anybody could have forged them.
 */
export function hiddenOf(trusted: boolean, { addressFrom, config }: Pick<ListenerContext, "addressFrom" | "config">): number {
  const never = bit(Known.foldedName) | bit(Known.verified);
  const names = config.unsafe_field_names === "forward" ? never : never | bit(Known.unsafeName);
  if (trusted && addressFrom === "x_forwarded_for") return names | bit(Known.forwarded);
  const claims = config.forwarded_path_fields === "forward" ? UNTRUSTED_DROPPED & ~bit(Known.forwardedPath) : UNTRUSTED_DROPPED;
  return names | (trusted ? claims & ~bit(Known.forwarded) : claims);
}
