/**
 * Where clients get in who come through somebody else's program: node:http, Express, Fastify, Vite, Hono, Next and whatever else hands its
 * requests to the proxy. That is a listener without sockets, of a data-plane thread in that program's own process:
 *
 * - `new ListenerContext(thread, slot, settings, trust, connectionOf)`, or `Serving.openListener(slot, settings)`, makes it.
 * - `update(settings, trust)` applies a reload to the requests that come after it.
 * - `drain()` refuses new requests; those that run go on.
 * - `connections` holds the clients whose exchange runs or whose response is still being taken; `cut()` ends them.
 *
 * `handleNodeRequest`, `handleUpgrade` and `handleFetch` are the ways in.
 */
import type { ListenerContext } from "../net/accept/listener-context.ts";

export type EmbedHost = ListenerContext;
