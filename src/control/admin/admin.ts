/**
 * The server of the admin address: `/healthz`, `/readyz`, `/status` and `/metrics`, all read-only. It runs on the main thread, with
 * Node's own HTTP server, so that it answers even while every worker is busy. It has few callers, so its limits are small.
 *
 * `/healthz` and `/readyz` answer everybody: a program that probes the process knows neither a token nor the admitted names, and these
 * pages say nothing worth hiding. admin-access.ts decides who may ask for every other path, existing or not. No answer has CORS fields.
 */
import type { ListenOptions, Socket } from "node:net";
import type nodeHttps from "node:https";
import type { TLSSocket } from "node:tls";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { StatusDocument } from "../../observe/status.ts";
import { METRICS_CONTENT_TYPE } from "../../observe/metrics-text.ts";
import { isLoopbackIp } from "../../base/cidr.ts";
import { isLocalhost, parseListenAddress } from "../../base/listen-address.ts";
import type { AdminTls } from "./admin-certificates.ts";
import { NO_CERTIFICATE, refusedSender, refusedToken } from "./admin-access.ts";
import type { AdminAccess, FieldValues, Refusal } from "./admin-access.ts";
import { listenMessage } from "../listening/listen-check.ts";
import { onLocalhost } from "../listening/localhost.ts";
import { http, https } from "./node-http.ts";

/** What the pages show; each function is called once per request. */
export interface AdminPages {
  /** Token and admitted names, from the configuration in use. */
  readonly access: () => AdminAccess;
  /** Reasons why the process should get no traffic now, one line each. Empty: it is ready. */
  readonly notReady: () => readonly string[];
  readonly status: () => StatusDocument;
  readonly metrics: () => string;
  /** Called with the error when one of the functions above throws; the client gets 500. */
  readonly onFault: (error: unknown) => void;
}

export interface AdminServer {
  /** Such as `http://127.0.0.1:9901`; has the real port where the configuration says port 0. */
  readonly url: string;
  /** Accepts no more connections. Resolves when the requests under way have been answered. */
  retire(): Promise<void>;
  /** Takes over a changed certificate or trust, for handshakes from now on. Nothing without TLS. */
  useTls(tls: AdminTls | null): void;
  /** Cuts all connections. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly fields?: Readonly<Record<string, string>>;
}

interface Page {
  readonly answer: (pages: AdminPages) => Answer;
  /** Answers under any `Host`, to any page, without a token. */
  readonly forEverybody: boolean;
}

/** Time limit for a whole request (head and body), and for an idle connection. */
const REQUEST_TIMEOUT_MS = 5000;
/**
 * Time limit for a client to read its answer, as long as Prometheus waits by default. Node has no such limit: without it, a hundred
 * clients that do not read would lock everybody else out for ever.
 */
const ANSWER_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 100;
const HEAD_BYTES_MAX = 8192;
const PLAIN = "text/plain; charset=utf-8";

type Server = HttpServer | nodeHttps.Server;

/** What a server does with each request and connection; TLS may be replaced while it runs. */
interface Serving {
  readonly pages: AdminPages;
  readonly answerMs: number;
  /** Null: plain HTTP. */
  tls: AdminTls | null;
}

/**
 * Opens the admin address (`host:port`). Rejects with an Error of one plain line when the address is wrong or cannot be bound.
 * @param tls null: plain HTTP
 */
export async function startAdmin(
  addressText: string,
  pages: AdminPages,
  answerMs: number = ANSWER_TIMEOUT_MS,
  tls: AdminTls | null = null,
): Promise<AdminServer> {
  const parsed = parseListenAddress(addressText);
  if (parsed.problem !== undefined) throw new Error(parsed.problem);
  const { address } = parsed;
  if (address.kind !== "tcp") throw new Error(`address ${JSON.stringify(addressText)}: the admin address is host:port`);
  const refuse = (error: unknown): never => {
    throw new Error(`admin: ${listenMessage(address, error)}`);
  };
  const serving: Serving = { pages, answerMs, tls };
  const open = (where: ListenOptions): Promise<Server> => openServer(where, serving);
  const { host, port } = address;
  const servers = isLocalhost(host)
    ? await onLocalhost(port, (one, itsPort) => open({ host: one, port: itsPort })).catch(refuse)
    : [await open(host === "" ? { port } : { host, port }).catch(refuse)];
  const [server] = servers;
  if (server === undefined) throw new Error("no server listens");
  return {
    url: urlOf(server, host, tls === null ? "http" : "https"),
    useTls: (changed) => {
      if (changed === null || serving.tls === null) return;
      serving.tls = changed;
      for (const each of servers) if ("setSecureContext" in each) each.setSecureContext(changed.context);
    },
    retire: async () => {
      // `close` also closes idle connections.
      await Promise.all(servers.map((each) => new Promise<void>((resolve) => each.close(() => resolve()))));
    },
    close: async () => {
      await Promise.all(servers.map(closed));
    },
  };
}

/** Resolves when the server listens; rejects with the system's error. */
async function openServer(where: ListenOptions, serving: Serving): Promise<Server> {
  const server = makeServer(serving, (request, response) => {
    respond(request, response, answerTo(request, serving, beyondLoopback(server)));
    const limit = setTimeout(() => reset(request.socket), serving.answerMs);
    response.once("close", () => clearTimeout(limit));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
  return server;
}

function makeServer(serving: Serving, onRequest: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const options = {
    maxHeaderSize: HEAD_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 1000,
  };
  const { tls } = serving;
  if (tls === null) return http.createServer(options, onRequest);
  // Whether a client may go on without a certificate is decided here, since a reload may change it.
  const clients = { requestCert: tls.clients !== null, rejectUnauthorized: false };
  const server = https().createServer({ ...options, ...tls.context, ...clients, handshakeTimeout: REQUEST_TIMEOUT_MS }, onRequest);
  server.prependListener("secureConnection", (socket) => {
    if (!mayStay(socket, serving.tls)) socket.destroy();
  });
  return server;
}

/** Whether the client's certificate lets its connection stay: an untrusted one never does. */
function mayStay(socket: TLSSocket, tls: AdminTls | null): boolean {
  if (tls === null || tls.clients === null || socket.authorized) return true;
  return tls.clients === "optional" && socket.getPeerX509Certificate() === undefined;
}

/** Whether the client has shown a certificate, where one is needed for everything but what everybody may ask. */
function lacksCertificate(socket: Socket, tls: AdminTls | null): boolean {
  return tls !== null && tls.clients !== null && !("authorized" in socket && socket.authorized === true);
}

/** A TLS connection has no reset of its own. */
function reset(socket: Socket): void {
  if ("encrypted" in socket) socket.destroy();
  else socket.resetAndDestroy();
}

function answerTo(request: IncomingMessage, { pages, tls }: Serving, beyond: boolean): Answer {
  const page = PAGES.get((request.url ?? "").split("?", 1)[0] ?? "");
  const values: FieldValues = (name) => request.headersDistinct[name] ?? [];
  const { token, hosts } = pages.access();
  const foreign = page?.forEverybody === true ? null : refusedSender(values, hosts, tls === null ? "http" : "https");
  if (foreign !== null) return refused(foreign);
  if (page?.forEverybody !== true && lacksCertificate(request.socket, tls)) return refused(NO_CERTIFICATE);
  if (page === undefined) return plain(404, "not found");
  if (!isRead(request)) return { ...plain(405, "method not allowed"), fields: { allow: "GET, HEAD" } };
  const unknown = page.forEverybody || !beyond || token === undefined ? null : refusedToken(values, token);
  if (unknown !== null) return refused(unknown);
  try {
    return page.answer(pages);
  } catch (error) {
    pages.onFault(error);
    return plain(500, "internal error");
  }
}

function respond(request: IncomingMessage, response: ServerResponse, { status, type, body: text, fields }: Answer): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    "content-type": type,
    "content-length": body.length,
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    ...fields,
    // The body of a refused method is not read, so the connection cannot be used again.
    ...(isRead(request) ? {} : { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

const PAGES: ReadonlyMap<string, Page> = new Map<string, Page>([
  ["/healthz", { forEverybody: true, answer: () => plain(200, "ok") }],
  ["/readyz", { forEverybody: true, answer: readiness }],
  ["/status", { forEverybody: false, answer: (pages) => json(pages.status()) }],
  ["/metrics", { forEverybody: false, answer: (pages) => ({ status: 200, type: METRICS_CONTENT_TYPE, body: pages.metrics() }) }],
]);

function readiness(pages: AdminPages): Answer {
  const reasons = pages.notReady();
  return reasons.length === 0 ? plain(200, "ready") : plain(503, reasons.join("\n"));
}

function plain(status: number, text: string): Answer {
  return { status, type: PLAIN, body: `${text}\n` };
}

function json(value: unknown): Answer {
  return { status: 200, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function refused({ status, detail, challenge }: Refusal): Answer {
  return { ...plain(status, detail), ...(challenge === undefined ? {} : { fields: { "www-authenticate": challenge } }) };
}

/** Judged by the bound address, because a host name in the configuration may mean loopback or not. */
function beyondLoopback(server: Server): boolean {
  const bound = server.address();
  return bound === null || typeof bound === "string" || !isLoopbackIp(bound.address);
}

function urlOf(server: Server, host: string, scheme: "http" | "https"): string {
  const bound = server.address();
  const port = bound === null || typeof bound === "string" ? 0 : bound.port;
  return `${scheme}://${host === "" ? "localhost" : host.includes(":") ? `[${host}]` : host}:${port}`;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
