/** One request that is proxied, and its response. */
import type { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FieldPair } from "../http/field-pairs.ts";
import type { FailureKind } from "../proxy/exchange/failure.ts";
import { bodyToSend } from "./messages/body-to-send.ts";
import { CapturedResponse } from "./messages/captured-response.ts";
import type { ResponseReceiver } from "./messages/captured-response.ts";
import { TOKEN } from "./exchange-hooks.ts";
import type { HandedOver } from "./exchange-hooks.ts";
import { HandedRequest } from "./messages/handed-request.ts";
import type { Options } from "./options/options.ts";
import type { Lease, Origins } from "./origins.ts";
import { loggerOf } from "./plugins.ts";
import { failureError, proxyError } from "./messages/proxy-failure.ts";
import { SentRequest } from "./messages/sent-request.ts";
import { ProxyResponse } from "./messages/proxy-response.ts";
import type { ResponseStart } from "./messages/proxy-response.ts";
import type { ProxyServer } from "./options/proxy-server.ts";
import { fieldsToSend, setRequestFields } from "./messages/request-fields.ts";
import { copyResponseHead } from "./messages/response-fields.ts";
import { pathToSend } from "./options/target.ts";
import type { Target } from "./options/target.ts";
import { tellError } from "./tell-error.ts";

/** What all requests of a middleware share. */
export interface Shared {
  readonly options: Options;
  readonly server: ProxyServer;
  readonly origins: Origins;
}

export class WebExchange implements HandedOver, ResponseReceiver {
  lines: string = "";
  private readonly shared: Shared;
  private readonly req: IncomingMessage;
  private readonly res: ServerResponse;
  private readonly target: Target;
  private readonly proxyReq: SentRequest;
  private lease: Lease | null = null;
  private captured: CapturedResponse | null = null;
  /** The target's response; null: there is none yet, or the proxy answers itself. */
  private proxyRes: ProxyResponse | null = null;
  private failure: FailureKind | null = null;
  private isFromTarget: boolean = false;
  /** The client has its answer, or is gone, or the program answers. */
  private isOver: boolean = false;

  constructor(shared: Shared, req: IncomingMessage, res: ServerResponse, target: Target) {
    this.shared = shared;
    this.req = req;
    this.res = res;
    this.target = target;
    const { options } = shared;
    this.proxyReq = new SentRequest(target, options.method ?? req.method ?? "GET", pathToSend(target, req.url ?? "/", options));
  }

  /** Sends the request. Never rejects: what goes wrong is the event `error`. */
  async begin(): Promise<void> {
    const { shared, req, res, target, proxyReq } = this;
    const { server, options, origins } = shared;
    try {
      server.emit("start", req, res, target.url);
      setRequestFields(proxyReq, req, target, options);
      if (options.timeout !== undefined) req.socket.setTimeout(options.timeout);
      server.emit("proxyReq", proxyReq, req, res, options);
      // A listener has answered, or has given the request up.
      if (res.writableEnded) return;
      if (proxyReq.aborted) return this.fail(proxyReq.reason ?? proxyError("ECONNRESET", "socket hang up"));
      res.once("close", () => this.clientClosed());
      const lease = await origins.lease(target, this);
      this.lease = lease;
      if (this.isOver || res.destroyed) return this.release();
      this.handOver(lease);
    } catch (error) {
      this.fail(error);
    }
  }

  private handOver({ proxy, token }: Lease): void {
    const { req, proxyReq } = this;
    const { fields, lines } = fieldsToSend(proxyReq, req, [TOKEN, token]);
    this.lines = lines;
    const body = bodyToSend(req, fields, proxyReq.written);
    if (body === null)
      return this.fail(new Error("the request's body was read before the proxy got it, and is not in req.body or req.rawBody"));
    const request = new HandedRequest({ method: proxyReq.method, path: proxyReq.path, ...body });
    this.captured = new CapturedResponse(request, this);
    proxy.handler(request, this.captured);
  }

  // ---- what the proxy tells -------------------------------------------------------------------------------------------

  failed(kind: FailureKind): void {
    this.failure = kind;
  }

  answered(): void {
    this.isFromTarget = true;
  }

  head(start: ResponseStart): void {
    if (this.isOver) return;
    if (this.isFromTarget) return this.respond(start);
    if (this.failure !== null) return this.fail(failureError(this.failure));
    // The proxy refuses the request: it is malformed, for example.
    const { res } = this;
    if (res.headersSent) return this.fail(proxyError("HPE_INVALID_REQUEST", "the request cannot be sent"));
    res.statusCode = start.status;
    for (const [name, value] of start.fields) if (!/^(?:connection|transfer-encoding)$/i.test(name)) res.setHeader(name, value);
  }

  private respond(start: ResponseStart): void {
    const { shared, req, res, target, proxyReq } = this;
    const { server, options } = shared;
    const proxyRes = new ProxyResponse(start, proxyReq, () => this.captured?.goOn());
    this.proxyRes = proxyRes;
    proxyRes.once("close", () => this.responseClosed(proxyRes));
    proxyRes.once("end", () => {
      this.release();
      this.guarded(() => server.emit("end", req, res, proxyRes));
    });
    this.guarded(() => {
      proxyReq.emit("response", proxyRes);
      server.emit("proxyRes", proxyRes, req, res);
      if (options.selfHandleResponse === true || this.isOver) return;
      if (!res.headersSent) copyResponseHead(proxyRes, req, res, target, options);
      if (res.writableEnded) proxyRes.resume();
      else proxyRes.pipe(res);
    });
  }

  data(bytes: Buffer): boolean {
    const { proxyRes, res } = this;
    if (proxyRes !== null) return proxyRes.add(bytes);
    if (!this.isOver) res.write(bytes);
    return true;
  }

  flush(): void {
    const { res } = this;
    // A stream that is silent at first has begun all the same.
    if (this.proxyRes !== null && this.shared.options.selfHandleResponse !== true && !res.headersSent && !this.isOver) res.flushHeaders();
  }

  end(trailers: readonly FieldPair[]): void {
    const { proxyRes, res } = this;
    if (proxyRes !== null) return proxyRes.finish(trailers);
    if (!this.isOver) res.end();
    this.release();
  }

  cut(): void {
    const { proxyRes, res } = this;
    if (this.isOver && proxyRes === null) return;
    proxyRes?.breakOff(proxyError("ECONNRESET", "aborted"));
    // The program may have read all that came before, and answers with it; what was passed on itself is cut.
    if (this.shared.options.selfHandleResponse !== true && !res.writableFinished) res.destroy();
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  /** The response was read to its end, or nobody wants the rest. */
  private responseClosed(proxyRes: ProxyResponse): void {
    if (!proxyRes.complete && !this.res.writableFinished && this.shared.options.selfHandleResponse !== true) this.res.destroy();
    this.release();
  }

  /** The client has its answer, or is gone. */
  private clientClosed(): void {
    const { req, res, target, proxyRes } = this;
    const isEarly = !this.isOver && !res.writableFinished && proxyRes === null;
    this.isOver = true;
    if (isEarly)
      this.guarded(() => this.shared.server.emit("econnreset", proxyError("ECONNRESET", "the client has left"), req, res, target.url));
    if (proxyRes === null) this.release();
    else if (!proxyRes.readableEnded) proxyRes.destroy();
  }

  private fail(error: unknown): void {
    const { req, res, target } = this;
    if (this.isOver) return;
    this.isOver = true;
    tellError(this.shared.server, loggerOf(this.shared.options), error, req, res, target.url);
    this.proxyRes?.destroy();
    if (this.captured === null || this.proxyRes === null) this.release();
  }

  /** Calls listeners of the program. */
  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.fail(error);
    }
  }

  private release(): void {
    this.captured?.close();
    this.lease?.end();
    this.lease = null;
  }
}
