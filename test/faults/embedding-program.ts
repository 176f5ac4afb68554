/**
 * A program that proxies are embedded in: host-program.ts starts it. Each message is a proxy to create, whose requests come through a server of
 * Node's; the reply says where. The program ends once nobody can send it further messages.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "yaml";
import { createProxy } from "../../src/millrace.ts";
import { bridge } from "./fetch-bridge.ts";

export interface Wanted {
  readonly serial: number;
  /** A configuration in YAML. Nothing listens on the addresses of its listeners; the first one's settings are those of the requests. */
  readonly config: string;
  /** Whether requests are handed to `proxy.fetch`; else to `proxy.handler` and `proxy.upgrade`. */
  readonly byFetch: boolean;
}

export interface Embedded {
  readonly serial: number;
  /** Port of the program's server. */
  readonly port: number;
  readonly adminPort: number;
}

process.on("message", (wanted: Wanted) => void embed(wanted));

async function embed({ serial, config, byFetch }: Wanted): Promise<void> {
  const proxy = await createProxy(parse(config));
  const server = byFetch
    ? createServer((request, response) => void bridge(proxy, request, response))
    : createServer(proxy.handler).on("upgrade", proxy.upgrade);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ serial, port, adminPort: Number(new URL(proxy.adminUrl ?? "").port) } satisfies Embedded);
  });
  process.once("disconnect", () => {
    server.closeAllConnections();
    server.close(() => void proxy.close());
  });
}
