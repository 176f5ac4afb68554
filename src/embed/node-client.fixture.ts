/** The client kinds of Node's http with the proxy as its handler, in memory: one speaks HTTP/1.1, the other HTTP/1.0. */
import assert from "node:assert/strict";
import http from "node:http";
import { ListenerContext, trustOf } from "../net/accept/listener-context.ts";
import { HTTP_1_0, HTTP_1_1, Http1Client } from "../net/contracts/h1-client.fixture.ts";
import type { ClientKind } from "../net/contracts/test-client.fixture.ts";
import { PROXY } from "../net/contracts/world.fixture.ts";
import type { World } from "../net/contracts/world.fixture.ts";
import { connectionOf } from "../net/protocols.ts";
import type { EmbedHost } from "./embed-host.ts";
import { handleNodeRequest } from "./handle-node-request.ts";
import { TransportStream } from "./transport-stream.fixture.ts";

export const NODE_1_1: ClientKind = {
  name: "a request of Node's http over HTTP/1.1",
  can: {
    ...HTTP_1_1.can,
    // Node ends its side when the client ends its own.
    halfCloses: false,
    // Connections persist and requests are pipelined, but Node begins the next request before the exchange has finished.
    persists: false,
    // Upgrades go to handle-upgrade.ts.
    switches: false,
    blocksLater: false,
  },
  make: (world) => made(world, "1.1"),
};

export const NODE_1_0: ClientKind = {
  name: "a request of Node's http over HTTP/1.0",
  can: { ...HTTP_1_0.can, halfCloses: false, blocksLater: false },
  make: (world) => made(world, "1.0"),
};

function made(world: World, version: "1.0" | "1.1"): Http1Client {
  world.hasNodeStreams = true;
  const host = embedHost(world);
  const program = http.createServer((request, response) => handleNodeRequest(host, request, response));
  world.network.listen(PROXY, (open, peer) => void program.emit("connection", new TransportStream(open, peer)));
  return new Http1Client(world, version);
}

/** Where clients get in, of the world's thread. */
export function embedHost({ config, thread }: Pick<World, "config" | "thread">): EmbedHost {
  const [settings = assert.fail("there is no listener")] = config.listeners;
  return new ListenerContext(thread, 0, settings, trustOf(config), connectionOf);
}
