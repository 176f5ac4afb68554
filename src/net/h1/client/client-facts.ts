/** Who speaks in a request: its client by what a trusted proxy says, and the fields that nobody is believed in. */
import { clientAddress, elementOfClient } from "../../../http/client-address.ts";
import { UNTRUSTED_DROPPED } from "../../../http/forward-fields.ts";
import { parseForwarded } from "../../../http/forwarded.ts";
import { Known, bit } from "../../../http/known-fields.ts";
import type { RequestHead } from "../../../http/request-head.ts";
import type { ClientFacts } from "../../../proxy/ports/client-stream.ts";
import type { ListenerContext } from "../../accept/listener-context.ts";

/** In which proxies say for whom they speak; browsers and programs send none of these. */
export const SAID_BY_PROXIES: number =
  bit(Known.forwarded) | bit(Known.xForwardedFor) | bit(Known.xForwardedProto) | bit(Known.xForwardedHost);

/**
 * What a trusted proxy says about the client it speaks for, in the one field that such proxies are known to write.
 * @param direct what is known of the proxy itself
 */
export function behindProxy(head: RequestHead, direct: ClientFacts, context: ListenerContext): ClientFacts {
  const { unsafe_field_names: unsafeFieldNames } = context.config;
  const { peer, secure } = direct;
  const said = { peer, trusted: true, secure, unsafeFieldNames };
  if (context.addressFrom === "x_forwarded_for") {
    return { ...said, client: clientAddress(peer, head.knownValues(Known.xForwardedFor), context.trusted), forwarded: null };
  }
  const elements = parseForwarded(head.knownValues(Known.forwarded)) ?? [];
  const nodes = elements.map((element) => element.for ?? "unknown");
  const forwarded = { elements, ofClient: elementOfClient(elements, context.trusted) };
  return { ...said, client: clientAddress(peer, nodes, context.trusted), forwarded };
}

/** What is not forwarded because it may be forged is not there either for routes, limits and whoever else asks for fields. */
export function hiddenOf(trusted: boolean, { addressFrom, config }: Pick<ListenerContext, "addressFrom" | "config">): number {
  const names = config.unsafe_field_names === "forward" ? bit(Known.foldedName) : bit(Known.foldedName) | bit(Known.unsafeName);
  if (!trusted) return names | UNTRUSTED_DROPPED;
  return (
    names |
    (addressFrom === "x_forwarded_for"
      ? bit(Known.forwarded)
      : bit(Known.xForwardedFor) | bit(Known.xForwardedProto) | bit(Known.xForwardedHost))
  );
}
