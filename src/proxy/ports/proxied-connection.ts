import type { ProxyHeader } from "../../proxy-protocol/header.ts";

/** A connection that began with a header of the PROXY protocol. The client that it names counts as the connection's other end. */
export interface ProxiedConnection {
  /** Address of the load balancer. */
  readonly sender: string;
  /** What it said. */
  readonly header: ProxyHeader;
}
