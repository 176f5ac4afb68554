/**
 * What `createProxyMiddleware` takes and gives. `Req` and `Res` are the request and the response of the framework, `http.IncomingMessage` and
 * `http.ServerResponse` where none is named.
 */
import type { IncomingMessage, OutgoingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ProxyServer } from "./proxy-server.ts";

/** What frameworks pass as the third argument: called when the request is not for the proxy, or with an error. */
export type NextFunction = (error?: unknown) => void;

/** The middleware that `createProxyMiddleware` returns. */
export interface RequestHandler<Req = IncomingMessage, Res = ServerResponse, Next = NextFunction> {
  /** Proxies a request, or calls `next`. Never rejects. Resolves when the request was handed over, not when it was answered. */
  (req: Req, res: Res, next?: Next): Promise<void>;
  /** Takes an upgrade: `server.on("upgrade", middleware.upgrade)`. Does nothing when `ws: true` has subscribed to the server already. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /**
   * Ends the connections to targets. Called by itself when every server that requests came from is closed; a later request begins anew.
   */
  readonly close: () => Promise<void>;
}

/** Which requests are proxied: beginnings of paths, patterns (not both in one list), or a function. */
export type Filter<Req = IncomingMessage> = string | readonly string[] | ((pathname: string, req: Req) => unknown);

/**
 * Another path: regular expressions with what comes in the place of their match, of which the first that fits counts, or a function. An upgrade
 * has no `res`.
 */
export type PathRewrite<Req = IncomingMessage, Res = ServerResponse> =
  | Readonly<Record<string, string>>
  | ((path: string, req: Req, res: Res | undefined, options: Options<Req, Res>) => string | undefined | Promise<string | undefined>);

/** Where requests go: a URL, or its parts. */
export type ProxyTarget = string | URL | ProxyTargetParts;

/** A target in parts. `url.parse` of Node gives such objects. */
export interface ProxyTargetParts {
  /** `http:` or `https:`; anything else counts as `http:`. */
  readonly protocol?: string | null | undefined;
  /** Name or address, with or without the port. */
  readonly host?: string | null | undefined;
  /** Name or address. It counts before `host`. */
  readonly hostname?: string | null | undefined;
  /** Default: 80, or 443 with `https:`. */
  readonly port?: string | number | null | undefined;
  /** Path and query, which come before those of the request. */
  readonly path?: string | null | undefined;
  /** Path, where there is no `path`. */
  readonly pathname?: string | null | undefined;
  /** Query with its question mark, where there is no `path`. */
  readonly search?: string | null | undefined;
  /** The whole URL, for an object that has no host. */
  readonly href?: string | undefined;
}

/**
 * Other targets for some requests: by `host`, `/path` or `host/path`, of which the first that fits counts, or by a function. What a function
 * changes in its `options` holds for that request. An upgrade has no `res`.
 */
export type Router<Req = IncomingMessage, Res = ServerResponse> =
  | Readonly<Record<string, ProxyTarget>>
  | ((
      req: Req,
      res: Res | undefined,
      options: Options<Req, Res>,
    ) => ProxyTarget | null | undefined | Promise<ProxyTarget | null | undefined>);

/** Where messages go: `console`, or a logger of pino, winston and their like. */
export interface Logger {
  /** A line for each response, and for each WebSocket that opens or ends. */
  info(...values: readonly unknown[]): void;
  /** Not used. */
  warn(...values: readonly unknown[]): void;
  /** What has gone wrong. */
  error(...values: readonly unknown[]): void;
}

/** Subscribes to the events of the proxy, before the first request. */
export type Plugin<Req = IncomingMessage, Res = ServerResponse> = (proxyServer: ProxyServer<Req, Res>, options: Options<Req, Res>) => void;

/** Why a request could not be proxied. */
export interface ProxyError extends Error {
  /** As Node would name it, such as `ECONNREFUSED`; docs/http-proxy-middleware.md lists all. */
  code?: string;
}

/**
 * The request that is about to be sent, for listeners of `proxyReq` and `proxyReqWs`: the part of Node's `ClientRequest` that is of use there. Fields
 * are set as in all of Node's messages. It is sent when the listeners have returned.
 */
export interface ProxyRequest extends OutgoingMessage {
  /** The method. May be changed. */
  method: string;
  /** Path and query. May be changed. */
  path: string;
  /** `http:` or `https:`. */
  protocol: string;
  /** Host of the target, without port. */
  host: string;
  /** Whether `destroy` or `abort` was called: the request is not sent. */
  aborted: boolean;
  /** Gives the request up. With an error given to `destroy`, that is what the event `error` gets. */
  abort(): void;
}

/** The connection to the target of a WebSocket: shows the bytes that come from there, and sends what is written there. */
export interface ProxySocket extends Duplex {
  /** Address of the client's connection. */
  address(): object;
}

/** Functions for the events of a request, by name. What a function throws becomes the event `error`. */
export interface OnProxyEvent<Req = IncomingMessage, Res = ServerResponse> {
  /** Before the request is sent: its fields, method, path and body can be changed. It is sent when the function returns. */
  proxyReq?(proxyReq: ProxyRequest, req: Req, res: Res, options: Options<Req, Res>): void;
  /** The response has come: `headers` and `statusCode` can be changed, and nothing has gone to the client. */
  proxyRes?(proxyRes: Req, req: Req, res: Res): void;
  /** Before the request that opens a WebSocket is sent. */
  proxyReqWs?(proxyReq: ProxyRequest, req: Req, socket: Socket, options: Options<Req, Res>, head: Buffer): void;
  /** The request could not be proxied. Of a WebSocket `res` is the client's socket. With this function there is no answer by default. */
  error?(error: ProxyError, req: Req, res: Res | Socket, target?: URL): void;
  /** A WebSocket is open. */
  open?(proxySocket: ProxySocket): void;
  /** A WebSocket has ended. `proxyRes` is the response that opened it. */
  close?(proxyRes: Req, proxySocket: ProxySocket, proxyHead: Buffer): void;
  /** A request is about to be proxied. */
  start?(req: Req, res: Res, target: URL): void;
  /** The whole response has come. */
  end?(req: Req, res: Res, proxyRes: Req): void;
  /** The client has left before it got its response. */
  econnreset?(error: ProxyError, req: Req, res: Res, target: URL): void;
}

/** The options of `createProxyMiddleware`. docs/http-proxy-middleware.md says where they differ from those of http-proxy-middleware. */
export interface Options<Req = IncomingMessage, Res = ServerResponse> {
  /** Where requests go. May be left out where `router` has a target for each. */
  target?: ProxyTarget | undefined;
  /** Which requests are proxied. Default: all. Paths are those that the framework has left, below where the middleware is mounted. */
  pathFilter?: Filter<Req> | undefined;
  /** Changes path and query before the request is sent; `req.url` too. */
  pathRewrite?: PathRewrite<Req, Res> | undefined;
  /** Other targets for some requests. Sees the path before `pathRewrite`. */
  router?: Router<Req, Res> | undefined;
  /** Sends the target's own host as `Host`. Default: false, the client's. */
  changeOrigin?: boolean | undefined;
  /** Puts the target's path before that of the request. Default: true. */
  prependPath?: boolean | undefined;
  /** Leaves the request's path out. Default: false. */
  ignorePath?: boolean | undefined;
  /** Another method than the request's. */
  method?: string | undefined;
  /** Fields to send to the target, in the place of the client's. */
  headers?: Readonly<Record<string, string | number | readonly string[]>> | undefined;
  /** `user:password`, sent to the target if the client has sent no `Authorization`. */
  auth?: string | undefined;
  /** Sends `X-Forwarded-For`, `-Port`, `-Proto` and `-Host`, after what came in them. Default: false. */
  xfwd?: boolean | undefined;
  /** Takes WebSockets of the server that the first request comes from. Default: false. */
  ws?: boolean | undefined;
  /** Verifies the certificates of targets. Default: true. */
  secure?: boolean | undefined;
  /** Milliseconds after which a client's connection on which nothing passes is closed. Default: the server's own limits. */
  timeout?: number | undefined;
  /** Milliseconds that a target may take to accept the connection, to begin its response, and between two parts of it. Default: an hour. */
  proxyTimeout?: number | undefined;
  /** The program answers itself, in `on.proxyRes`. Default: false. */
  selfHandleResponse?: boolean | undefined;
  /** Puts the client's `Host` into a `Location` that names the target. Default: false. */
  autoRewrite?: boolean | undefined;
  /** Puts that host into a `Location` that names the target. */
  hostRewrite?: string | undefined;
  /** Puts that scheme into a `Location` that names the target. */
  protocolRewrite?: string | null | undefined;
  /** Another `Domain` for cookies: one for all, or by the domain that came, with `*` for all others. "" takes it out. */
  cookieDomainRewrite?: false | string | Readonly<Record<string, string>> | undefined;
  /** Another `Path` for cookies, in the same way. */
  cookiePathRewrite?: false | string | Readonly<Record<string, string>> | undefined;
  /** Keeps the spelling of the names of response fields. Default: false, lower case. */
  preserveHeaderKeyCase?: boolean | undefined;
  /** Functions for what happens to a request. */
  on?: OnProxyEvent<Req, Res> | undefined;
  /** Where messages go. Default: nowhere. */
  logger?: Logger | undefined;
  /** Functions that subscribe to events. */
  plugins?: readonly Plugin<Req, Res>[] | undefined;
  /** Leaves out what subscribes by default: `on`, logging and the answers to errors. Default: false. */
  ejectPlugins?: boolean | undefined;
  /** Only `false`. */
  followRedirects?: false | undefined;
  /** Only `false`. */
  toProxy?: false | undefined;
  /** Only `false`. */
  agent?: false | undefined;
}
