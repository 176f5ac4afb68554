/**
 * `millrace/http-proxy-middleware`: the proxy with the interface of http-proxy-middleware, so that a project changes one import.
 * docs/http-proxy-middleware.md lists the options and the differences.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyMiddleware } from "./proxy-middleware.ts";
import type { NextFunction, Options, Plugin, RequestHandler } from "./options/options.ts";

export type {
  Filter,
  Logger,
  NextFunction,
  Options,
  PathRewrite,
  Plugin,
  ProxyError,
  OnProxyEvent,
  ProxyRequest,
  ProxySocket,
  ProxyTarget,
  ProxyTargetParts,
  RequestHandler,
  Router,
} from "./options/options.ts";
export type { ProxyServer, ProxyServerEvents } from "./options/proxy-server.ts";
export { fixRequestBody } from "./messages/fix-request-body.ts";
export type { RequestToFix, RequestToWrite } from "./messages/fix-request-body.ts";
export { responseInterceptor } from "./messages/response-interceptor.ts";
export type { Interceptor } from "./messages/response-interceptor.ts";
export { debugProxyErrorsPlugin, errorResponsePlugin, loggerPlugin, proxyEventsPlugin } from "./plugins.ts";

/**
 * Makes a middleware that proxies requests, for Express, connect, polka, Next and plain `node:http`.
 *
 * ```ts
 * app.use("/api", createProxyMiddleware({ target: "http://127.0.0.1:3000", changeOrigin: true }));
 * ```
 *
 * Throws a TypeError for options that are unknown, that cannot be had here, or that have values which cannot be used.
 */
export function createProxyMiddleware<Req = IncomingMessage, Res = ServerResponse, Next = NextFunction>(
  options: Options<Req, Res>,
): RequestHandler<Req, Res, Next> {
  return new ProxyMiddleware(options).handler;
}

/** Returns its argument unchanged: for the types of a plugin that is written on its own. */
export function definePlugin<Req = IncomingMessage, Res = ServerResponse>(plugin: Plugin<Req, Res>): Plugin<Req, Res> {
  return plugin;
}
