/**
 * The admin address: `/healthz`, `/readyz`, `/status`, `/metrics`. Read-only. It is served by the main thread with Node's own server:
 * the control plane's, so that it answers while every worker is busy. Its limits are small because its callers are few.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { StatusDocument } from "../observe/status.ts";
import { METRICS_CONTENT_TYPE } from "../observe/metrics-text.ts";
import { parseListenAddress } from "../base/listen-address.ts";
import { listenMessage } from "./listen-check.ts";
import { http } from "./node-http.ts";

export interface AdminPages {
  /** Why the process should get no traffic now, a line each; empty: it should. */
  readonly notReady: () => readonly string[];
  readonly status: () => StatusDocument;
  readonly metrics: () => string;
  /** An error of our own while answering. */
  readonly onFault: (error: unknown) => void;
}

export interface AdminServer {
  /** `http://127.0.0.1:9901`, with the real port. */
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Whole time for a request's head and body; also how long an idle connection is kept. */
const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 100;
const HEAD_BYTES_MAX = 8192;
const PLAIN = "text/plain; charset=utf-8";

/** Rejects with an Error whose message is one plain line when the address is wrong or cannot be had. */
export async function startAdmin(addressText: string, pages: AdminPages): Promise<AdminServer> {
  const parsed = parseListenAddress(addressText);
  if (parsed.problem !== undefined) throw new Error(parsed.problem);
  const { address } = parsed;
  if (address.kind !== "tcp") throw new Error(`address ${JSON.stringify(addressText)}: the admin address is host:port`);
  const server = http.createServer(
    {
      maxHeaderSize: HEAD_BYTES_MAX,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => answer(request, response, pages),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`admin: ${listenMessage(address, error)}`)));
    server.listen(address.host === "" ? { port: address.port } : { host: address.host, port: address.port }, resolve);
  });
  return { url: urlOf(server, address.host), close: () => closed(server) };
}

function answer(request: IncomingMessage, response: ServerResponse, pages: AdminPages): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const page = PAGES.get(path);
  let given: Answer;
  if (page === undefined) given = plain(404, "not found");
  else if (request.method !== "GET" && request.method !== "HEAD") given = plain(405, "method not allowed");
  else {
    try {
      given = page(pages);
    } catch (error) {
      pages.onFault(error);
      given = plain(500, "internal error");
    }
  }
  const body = Buffer.from(given.body);
  response.writeHead(given.status, {
    "content-type": given.type,
    "content-length": body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(given.status === 405 ? { allow: "GET, HEAD" } : {}),
    // A body that nobody asked for is not read to its end.
    ...(request.method === "GET" || request.method === "HEAD" ? {} : { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

const PAGES: ReadonlyMap<string, (pages: AdminPages) => Answer> = new Map([
  ["/healthz", () => plain(200, "ok")],
  ["/readyz", readiness],
  ["/status", (pages) => ({ status: 200, type: "application/json", body: `${JSON.stringify(pages.status())}\n` })],
  ["/metrics", (pages) => ({ status: 200, type: METRICS_CONTENT_TYPE, body: pages.metrics() })],
]);

function readiness(pages: AdminPages): Answer {
  const reasons = pages.notReady();
  return reasons.length === 0 ? plain(200, "ready") : plain(503, reasons.join("\n"));
}

function plain(status: number, text: string): Answer {
  return { status, type: PLAIN, body: `${text}\n` };
}

function urlOf(server: Server, host: string): string {
  const bound = server.address();
  const port = bound === null || typeof bound === "string" ? 0 : bound.port;
  return `http://${host === "" ? "localhost" : host.includes(":") ? `[${host}]` : host}:${port}`;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
