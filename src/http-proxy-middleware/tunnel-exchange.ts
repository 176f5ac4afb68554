/** One upgrade to WebSocket that is proxied. */
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FieldPair } from "../http/field-pairs.ts";
import type { FailureKind } from "../proxy/exchange/failure.ts";
import { TOKEN } from "./exchange-hooks.ts";
import type { HandedOver } from "./exchange-hooks.ts";
import { HandedRequest } from "./messages/handed-request.ts";
import type { Lease } from "./origins.ts";
import { loggerOf } from "./plugins.ts";
import { failureError, proxyError } from "./messages/proxy-failure.ts";
import { SentRequest } from "./messages/sent-request.ts";
import { ProxyResponse } from "./messages/proxy-response.ts";
import { fieldsToSend, setRequestFields } from "./messages/request-fields.ts";
import { TargetSocket } from "./messages/target-socket.ts";
import { pathToSend } from "./options/target.ts";
import type { Target } from "./options/target.ts";
import { tellError } from "./tell-error.ts";
import { TunnelClient } from "./messages/tunnel-client.ts";
import type { TunnelObserver } from "./messages/tunnel-client.ts";
import type { Shared } from "./web-exchange.ts";

export class TunnelExchange implements HandedOver, TunnelObserver {
  lines: string = "";
  private readonly shared: Shared;
  private readonly req: IncomingMessage;
  private readonly socket: Socket;
  private readonly head: Buffer;
  private readonly target: Target;
  private readonly proxyReq: SentRequest;
  private lease: Lease | null = null;
  private client: TunnelClient | null = null;
  private failure: FailureKind | null = null;
  /** Of a WebSocket that is open. */
  private open: { readonly socket: TargetSocket; readonly response: ProxyResponse } | null = null;

  constructor(shared: Shared, req: IncomingMessage, socket: Socket, head: Buffer, target: Target) {
    this.shared = shared;
    this.req = req;
    this.socket = socket;
    this.head = head;
    this.target = target;
    this.proxyReq = new SentRequest(target, req.method ?? "GET", pathToSend(target, req.url ?? "/", shared.options));
  }

  /** Sends the request. Never rejects: what goes wrong is the event `error`. */
  async begin(): Promise<void> {
    const { shared, req, socket, head, target, proxyReq } = this;
    const { options, server, origins } = shared;
    socket.on("error", () => {});
    if (req.method !== "GET" || !/^websocket$/i.test(req.headers.upgrade ?? "") || announcesBody(req)) return void socket.destroy();
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 0);
    try {
      setRequestFields(proxyReq, req, target, options);
      server.emit("proxyReqWs", proxyReq, req, socket, options, head);
      if (proxyReq.aborted) throw proxyReq.reason ?? proxyError("ECONNRESET", "socket hang up");
      const lease = await origins.lease(target, this);
      this.lease = lease;
      if (socket.destroyed) return this.release();
      const { fields, lines } = fieldsToSend(proxyReq, req, [TOKEN, lease.token]);
      this.lines = lines;
      const request = new HandedRequest({ method: proxyReq.method, path: proxyReq.path, fields, first: [], rest: null });
      this.client = new TunnelClient(socket, this);
      lease.proxy.upgrade(request, this.client, head);
    } catch (error) {
      this.fail(error);
    }
  }

  get hasFailed(): boolean {
    return this.failure !== null;
  }

  /** `failed(kind)` is the proxy's word, `failed()` that of the client's connection. */
  failed(kind?: FailureKind): void {
    if (kind !== undefined) this.failure = kind;
    else if (this.failure !== null) this.fail(failureError(this.failure));
  }

  answered(): void {}

  opened(head: string): void {
    const { client, proxyReq, shared } = this;
    if (client === null) return;
    const [, ...lines] = head.split("\r\n");
    const fields = lines.map((line): FieldPair => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
    const socket = new TargetSocket(this.socket, (bytes) => void client.push(bytes));
    const response = new ProxyResponse({ status: 101, reason: "Switching Protocols", fields }, proxyReq, () => {});
    this.open = { socket, response };
    this.guarded(() => shared.server.emit("open", socket));
  }

  received(bytes: Buffer): void {
    this.open?.socket.show(bytes);
  }

  closed(): void {
    const { open, shared, head } = this;
    this.open = null;
    this.release();
    if (open === null) return;
    this.guarded(() => shared.server.emit("close", open.response, open.socket, head));
    open.socket.push(null);
    open.socket.destroy();
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    const { shared, req, socket } = this;
    tellError(shared.server, loggerOf(shared.options), error, req, socket);
    socket.end();
    this.release();
  }

  private release(): void {
    this.lease?.end();
    this.lease = null;
  }
}

/**
 * The handshake of RFC 6455 has no body. Where Node leaves one depends on its release, and if it were missing, bytes of the new protocol would be
 * taken for it.
 */
function announcesBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}
