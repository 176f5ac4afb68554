import type { IncomingMessage, ServerResponse } from "node:http";
import { Server } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { checkOptions } from "./options/check-options.ts";
import type { NextFunction, Options, RequestHandler } from "./options/options.ts";
import { Origins } from "./origins.ts";
import { pathTest } from "./options/path-filter.ts";
import type { PathTest } from "./options/path-filter.ts";
import { pathRewriter } from "./options/path-rewrite.ts";
import type { Rewriter } from "./options/path-rewrite.ts";
import { loggerOf, pluginsOf } from "./plugins.ts";
import { ProxyServer } from "./options/proxy-server.ts";
import { routedTarget } from "./options/router.ts";
import { readTarget } from "./options/target.ts";
import type { Target } from "./options/target.ts";
import { tellError } from "./tell-error.ts";
import { TunnelExchange } from "./tunnel-exchange.ts";
import { WebExchange } from "./web-exchange.ts";
import type { Shared } from "./web-exchange.ts";

/** A middleware of `createProxyMiddleware`: decides which requests are proxied, and where they go. */
export class ProxyMiddleware {
  /** For requests and responses of any framework that are Node's. */
  readonly handler: ((...given: readonly unknown[]) => Promise<void>) & Pick<RequestHandler, "upgrade" | "close">;
  private readonly shared: Shared;
  private readonly isProxied: PathTest;
  private readonly rewrite: Rewriter | null;
  private readonly target: Target | null;
  /** The servers that requests came from, until they are closed. */
  private readonly servers: Set<Server> = new Set();
  /** Those whose upgrades the middleware takes by itself, as `ws` says. */
  private readonly subscribed: WeakSet<Server> = new WeakSet();

  /** Throws as `createProxyMiddleware` does. */
  constructor(options: unknown) {
    checkOptions(options);
    const { target, pathFilter, pathRewrite } = options;
    this.target = target === undefined || target === "" ? null : readTarget(target);
    this.isProxied = pathTest(pathFilter);
    this.rewrite = pathRewriter(pathRewrite);
    const logger = loggerOf(options);
    const server = new ProxyServer();
    for (const plugin of pluginsOf(options)) plugin(server, options);
    this.shared = { options, server, origins: new Origins(options, (message) => logger.error(`[HPM] ${message}`)) };
    this.handler = Object.assign((...of: readonly unknown[]): Promise<void> => Reflect.apply(this.handle, this, of), {
      upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
        const server = serverOf(req);
        if (server === null || !this.subscribed.has(server)) void this.handleUpgrade(req, socket, head);
      },
      close: () => this.shared.origins.close(),
    });
  }

  private async handle(req: IncomingMessage, res: ServerResponse, next?: NextFunction): Promise<void> {
    const server = serverOf(req);
    if (server !== null) this.watch(server);
    if (!this.takes(req)) {
      if (next === undefined) notFound(res);
      else next();
      return;
    }
    const options = { ...this.shared.options };
    let target: Target;
    try {
      target = await this.prepare(req, res, options);
    } catch (error) {
      if (next === undefined) tellError(this.shared.server, loggerOf(this.shared.options), error, req, res);
      else next(error);
      return;
    }
    await new WebExchange({ ...this.shared, options }, req, res, target).begin();
  }

  private readonly handleUpgrade = async (req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const server = serverOf(req);
    if (server !== null) this.watch(server);
    // Others may be waiting for this upgrade.
    if (!this.takes(req)) return;
    socket.on("error", () => {});
    if (!isSocket(socket)) return void socket.destroy();
    const options = { ...this.shared.options };
    try {
      const target = await this.prepare(req, undefined, options);
      await new TunnelExchange({ ...this.shared, options }, req, socket, head, target).begin();
    } catch (error) {
      tellError(this.shared.server, loggerOf(this.shared.options), error, req, socket);
      socket.end();
    }
  };

  private takes(req: IncomingMessage): boolean {
    try {
      return this.isProxied(req.url, req);
    } catch (error) {
      loggerOf(this.shared.options).error(error);
      return false;
    }
  }

  /** The target of a request, whose path is rewritten. `router` sees the path before that. */
  private async prepare(req: IncomingMessage, res: ServerResponse | undefined, options: Options): Promise<Target> {
    const routed = await routedTarget(options.router, req, res, options);
    const target = routed === undefined || routed === "" ? this.target : readTarget(routed);
    const path = await this.rewrite?.(req.url ?? "", req, res, options);
    if (typeof path === "string") req.url = path;
    if (target === null) throw new Error("Must provide a proper URL as target");
    return target;
  }

  /** Ends the connections to targets when the last server is closed, and takes the server's upgrades if `ws` says so. */
  private watch(server: Server): void {
    if (!this.servers.has(server)) {
      this.servers.add(server);
      server.once("close", () => {
        this.servers.delete(server);
        if (this.servers.size === 0) void this.shared.origins.close();
      });
    }
    if (this.shared.options.ws !== true || this.subscribed.has(server)) return;
    this.subscribed.add(server);
    server.on("upgrade", this.handleUpgrade);
  }
}

/** Whether the stream is a connection of Node's, or acts as one. */
function isSocket(socket: Duplex): socket is Socket {
  return typeof Reflect.get(socket, "setTimeout") === "function";
}

/** The server that a request came from, as Node keeps it at the connection. */
function serverOf({ socket }: { readonly socket?: Socket | undefined }): Server | null {
  const server: unknown = socket === undefined ? undefined : Reflect.get(socket, "server");
  return server instanceof Server ? server : null;
}

function notFound(res: ServerResponse): void {
  res.statusCode = 404;
  res.setHeader("Content-Type", "text/plain; charset=utf-8");
  res.end("404 Not Found\n");
}
