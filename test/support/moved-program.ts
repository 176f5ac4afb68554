/** Programs of node:http with the middleware of `millrace/http-proxy-middleware`, and origins for them. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { createProxyMiddleware } from "../../src/http-proxy-middleware/create-proxy-middleware.ts";
import type { Options, RequestHandler } from "../../src/http-proxy-middleware/create-proxy-middleware.ts";
import { RawClient } from "./raw-client.ts";
import { answerOk, startRawOrigin } from "./raw-origin.ts";
import type { OriginOptions, RawOrigin } from "./raw-origin.ts";

export type Before = (req: http.IncomingMessage, res: http.ServerResponse, next: (error?: unknown) => void) => void;

/** A server with the middleware, and what a framework would do before it and after it. */
export async function program(
  t: TestContext,
  middleware: RequestHandler,
  parts: { readonly before?: Before; readonly after?: Before } = {},
): Promise<{ readonly url: string; readonly port: number; readonly server: http.Server }> {
  const { before = (_req, _res, next) => next(), after } = parts;
  const server = http.createServer((req, res) =>
    before(req, res, () => void middleware(req, res, after === undefined ? undefined : (error) => after(req, res, () => error))),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await middleware.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, server };
}

export interface Scene {
  readonly origin: RawOrigin;
  readonly client: RawClient;
  readonly url: string;
  readonly port: number;
  readonly server: http.Server;
  readonly middleware: RequestHandler;
}

/** An origin, a program that proxies to it, and a client that is connected. */
export async function scene(t: TestContext, options: Options = {}, origins: OriginOptions = {}, before?: Before): Promise<Scene> {
  const origin = await startRawOrigin({ onRequest: answerOk, ...origins });
  t.after(() => origin.close());
  const middleware = createProxyMiddleware({ target: origin.url, ...options });
  const started = await program(t, middleware, before === undefined ? {} : { before });
  const client = await RawClient.connect(started.port);
  t.after(() => client.destroy());
  return { origin, client, middleware, ...started };
}

export function answering(head: string, body: string = ""): OriginOptions {
  return { onRequest: ({ socket }) => socket.write(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, "latin1") };
}
