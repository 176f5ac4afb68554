/** Sends requests of the proxy's to services outside, such as an identity provider, over the memory network. */
import { messageOf } from "../base/errors.ts";
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import type { LoginPorts } from "../proxy/feature/login-ports.ts";
import { ANSWER_FIELDS } from "../shared/outside-request.ts";
import { TestConnection } from "./connection.ts";
import { fetchOver } from "./http-client.ts";
import { addressOf, isList, isUrl } from "./origins.ts";
import type { Origins } from "./origins.ts";
import { serveOrigin } from "./upstreams.ts";

/** The proxy's own address. */
const FROM = "192.0.2.254";

export function askerOver(network: MemoryNetwork): LoginPorts["ask"] {
  const { clock } = network;
  return async ({ method, url, fields, body }, signal) => {
    const target = new URL(url);
    const connection = new TestConnection(clock);
    const connected = (): void => connection.connected();
    connection.attach(network.connect(addressOf(target.origin), connection, connection, connected, FROM), false);
    try {
      const headers = fields.map(([name, value]): [string, string] => [name, value]);
      const response = await fetchOver(connection, clock, target, { method, headers, body, signal });
      const kept = [...response.headers].filter(([name]) => ANSWER_FIELDS.includes(name));
      return { status: response.status, fields: kept, body: await response.text() };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  };
}

/** Has the test's functions and scripts answer that stand under a URL. Those of endpoints are set again afterwards. */
export function serveOutside(network: MemoryNetwork, origins: Origins): void {
  for (const [key, origin] of Object.entries(origins))
    if (isUrl(key) && !isList(origin)) serveOrigin(network, addressOf(key), origin, key, () => {});
}
