import { Buffer } from "node:buffer";
import type { Config } from "../config/schema/schema.ts";
import { writeProxyHeader } from "../proxy-protocol/write-header.ts";
import type { TestConnection } from "./connection.ts";
import type { ClientOptions } from "./test-proxy.ts";

/** The address of clients that are given none. */
export const CLIENT = "192.0.2.1";
/** What clients connect to, as a load balancer tells it. */
const OWN_END = { destination: "198.51.100.1", destinationPort: 80 } as const;

/**
 * Opens a connection as a client does, or, where the listener expects the PROXY protocol, as a load balancer that names the client in its header.
 * @param listener undefined: there is no such listener, which `connect` complains of
 */
export function openFor(
  options: ClientOptions,
  listener: Config["listeners"][number] | undefined,
  connect: (options: ClientOptions) => TestConnection,
): TestConnection {
  const address = listener?.proxy_protocol?.from[0]?.split("/")[0];
  if (address === undefined || options.tls !== undefined) return connect(options);
  const connection = connect({ ...options, from: address });
  const header = writeProxyHeader("v2", { source: options.from ?? CLIENT, sourcePort: 0, ...OWN_END });
  connection.send(Buffer.from(header, "latin1"));
  return connection;
}
