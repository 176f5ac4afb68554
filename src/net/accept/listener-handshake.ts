import { compileCidrs } from "../../base/cidr.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { Handshake } from "./handshake.ts";
import type { ListenerContext } from "./listener-context.ts";
import { ProxyHeaderHandshake } from "./proxy-header-handshake.ts";

/**
 * What comes on a listener's connections before the first byte of HTTP, by its configuration: the header of the PROXY protocol, then TLS. Null:
 * nothing does.
 * @param next the handshake after the header; null: there is none
 */
export function listenerHandshake(context: ListenerContext, next: Handshake | null): Handshake | null {
  const { config, notices, thread } = context;
  const { proxy_protocol: proxyProtocol, timeouts } = config;
  if (proxyProtocol === undefined) return next;
  return new ProxyHeaderHandshake({
    from: compileCidrs(proxyProtocol.from),
    limitMs: timeouts.proxy_protocol,
    next,
    onRefused: (sender, why) => {
      thread.metrics.add(CounterId.proxy_headers_refused, 1);
      notices.onHeaderRefused(sender, why, context.config);
    },
    onTurnedAway: (limit, client) => {
      thread.metrics.add(CounterId.connections_refused, 1);
      notices.onRefused(limit, client);
    },
  });
}
