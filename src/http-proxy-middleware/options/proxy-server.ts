import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { OnProxyEvent } from "./options.ts";

/** The events of a middleware, with what their listeners get. */
export type ProxyServerEvents<Req, Res> = {
  readonly [Name in keyof OnProxyEvent<Req, Res>]-?: Parameters<NonNullable<OnProxyEvent<Req, Res>[Name]>>;
};

/** The names of these events. */
export const EVENTS: readonly (keyof OnProxyEvent)[] = [
  "proxyReq",
  "proxyRes",
  "proxyReqWs",
  "error",
  "open",
  "close",
  "start",
  "end",
  "econnreset",
];

/**
 * What plugins get to subscribe to events. Has the events of the proxy that http-proxy-middleware is built on, and none of its other methods:
 * there is no `web`, `ws` or `listen`.
 */
export class ProxyServer<Req = IncomingMessage, Res = ServerResponse> extends EventEmitter<ProxyServerEvents<Req, Res>> {}
