/** What subscribes to the events of a middleware by default. The names are those of http-proxy-middleware. */
import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Logger, Options, Plugin, OnProxyEvent } from "./options/options.ts";
import { errorStatus } from "./messages/proxy-failure.ts";
import { SentRequest } from "./messages/sent-request.ts";
import { EVENTS } from "./options/proxy-server.ts";
import type { ProxyServer } from "./options/proxy-server.ts";

/** The plugins of a middleware with these options, in their order. */
export function pluginsOf<Req, Res>({ ejectPlugins, on, plugins = [] }: Options<Req, Res>): readonly (Plugin<Req, Res> | Plugin)[] {
  if (ejectPlugins === true) return plugins;
  const answering = on?.error === undefined ? [errorResponsePlugin] : [];
  return [debugProxyErrorsPlugin, proxyEventsPlugin, loggerPlugin, ...answering, ...plugins];
}

const SILENT: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** The logger of the options, or one that writes nowhere. */
export function loggerOf({ logger }: { readonly logger?: Logger | undefined }): Logger {
  return logger ?? SILENT;
}

/** Exists for programs that list the plugins themselves. Errors never end the program, with or without it. */
export const debugProxyErrorsPlugin: Plugin = function debugProxyErrorsPlugin(proxyServer) {
  proxyServer.on("error", () => {});
};

/** Subscribes the functions of `on`. */
export const proxyEventsPlugin: Plugin = function proxyEventsPlugin(proxyServer, { on = {} }) {
  for (const name of EVENTS) subscribe(proxyServer, name, on);
};

function subscribe(proxyServer: ProxyServer, name: keyof OnProxyEvent, on: OnProxyEvent): void {
  const handler = on[name];
  if (handler !== undefined) proxyServer.on(name, (...given: readonly unknown[]) => Reflect.apply(handler, on, given));
}

/** Logs each response, each error and each WebSocket to `logger`. */
export const loggerPlugin: Plugin = function loggerPlugin(proxyServer, options) {
  const logger = loggerOf(options);
  proxyServer.on("error", (error, request, _response, target) => {
    const url = `${request.headers.host ?? ""}${request.url ?? ""}`;
    logger.error(
      `[HPM] Error occurred while proxying request ${url} to ${target?.href ?? "no target"} [${codeOf(error) || messageOf(error)}]`,
    );
  });
  proxyServer.on("proxyRes", (proxyRes, request) => {
    const sent: unknown = Reflect.get(proxyRes, "req");
    const to = sent instanceof SentRequest ? `${sent.target.origin}${sent.path}` : "";
    logger.info(`[HPM] ${request.method ?? ""} ${originalUrl(request)} -> ${to} [${proxyRes.statusCode ?? 0}]`);
  });
  proxyServer.on("open", (socket) => logger.info("[HPM] Client connected: %o", socket.address()));
  proxyServer.on("close", (_response, socket) => logger.info("[HPM] Client disconnected: %o", socket.address()));
};

/** The URL as the client sent it: frameworks take off the path below which the middleware is mounted. */
function originalUrl(request: IncomingMessage): string {
  const given: unknown = Reflect.get(request, "originalUrl");
  const base: unknown = Reflect.get(request, "baseUrl");
  return typeof given === "string" ? given : `${typeof base === "string" ? base : ""}${request.url ?? ""}`;
}

/** Answers a request that could not be proxied. Left out where `on.error` is there. */
export const errorResponsePlugin: Plugin = function errorResponsePlugin(proxyServer) {
  proxyServer.on("error", (error, request, response) => {
    if (!isResponse(response)) return void response.destroy();
    if (response.headersSent) return void response.destroy();
    response.statusCode = errorStatus(codeOf(error));
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`Error occurred while trying to proxy: ${harmless(request.headers.host ?? "")}${harmless(request.url ?? "")}`);
  });
};

/** Responses of http2 and of frameworks are of other classes. */
export function isResponse(response: object): response is ServerResponse {
  return response instanceof ServerResponse || typeof Reflect.get(response, "writeHead") === "function";
}

/** What the client has sent, in a form that no browser takes for a part of a page. */
function harmless(text: string): string {
  return text.replace(/[<>]/g, encodeURIComponent);
}
