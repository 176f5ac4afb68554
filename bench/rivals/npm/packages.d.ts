/** What the programs of this folder use of their packages, so that they can be checked where the packages are not installed. */
declare module "http-proxy" {
  import type { Agent, IncomingMessage, ServerResponse } from "node:http";

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(event: "error", listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void): this;
  }

  const httpProxy: { createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): ProxyServer };
  export = httpProxy;
}

declare module "http-proxy-3" {
  import type { Agent, IncomingMessage, ServerResponse } from "node:http";
  import type { Socket } from "node:net";

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(event: "error", listener: (error: Error, request: IncomingMessage, response: ServerResponse | Socket) => void): this;
  }

  export function createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): ProxyServer;
}

declare module "httpxy" {
  import type { Agent, IncomingMessage, ServerResponse } from "node:http";

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): Promise<void>;
  }

  export function createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): ProxyServer;
}

declare module "fast-proxy" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  interface Options {
    base: string;
    undici: { connections: number; pipelining: number };
  }

  const fastProxy: (options: Options) => {
    proxy(request: IncomingMessage, response: ServerResponse, source: string, options: object): void;
  };
  export = fastProxy;
}

declare module "@fastify/http-proxy" {
  const httpProxy: object;
  export = httpProxy;
}

declare module "fastify" {
  interface ProxyOptions {
    upstream: string;
    undici: { connections: number; pipelining: number };
  }

  const fastify: () => {
    register(plugin: object, options: ProxyOptions): void;
    listen(options: { port: number; host: string }): Promise<string>;
  };
  export = fastify;
}
