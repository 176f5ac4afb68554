/**
 * One health check of one endpoint: a GET that must answer with an expected status, or, without a path, a connection that must be
 * established (for https including the TLS handshake). One time limit covers connecting, the head and the body. Redirects are answers
 * like any other. Node's own client is fine here: a probe is the control plane's, not on any request's way.
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import net from "node:net";
import { codeOf } from "../base/errors.ts";
import { hostOf } from "../config/endpoint-names.ts";
import { http } from "./node-http.ts";

export interface ProbeTarget {
  /** `http://` or `https://`, host and optional port. */
  readonly url: string;
  /** Undefined: connect only. */
  readonly path: string | undefined;
  /** `Host` to send; undefined: the endpoint's own. */
  readonly host: string | undefined;
  /** `200` or `200-399`. */
  readonly expectedStatuses: readonly string[];
  /** Milliseconds for the whole probe. */
  readonly timeoutMs: number;
  readonly tls: { readonly verify: boolean; readonly serverName: string | undefined; readonly ca: string | undefined };
}

/** Where a name leads: the `lookup` option of Node's sockets. */
export type Lookup = NonNullable<net.TcpSocketConnectOpts["lookup"]>;

/** Makes one probe. Never rejects. An abort ends it with the reason `cancelled`. */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<ProbeResult>;

/** Null: it passed. Else why it did not, in a few words for the log. */
export type ProbeResult = string | null;

/** Bytes of a body that are read before the rest is given up; a health page is smaller. */
const BODY_BYTES_MAX = 64 * 1024;

export function probeWith(lookup: Lookup): Probe {
  return (target, signal) => probe(target, lookup, signal);
}

function probe(target: ProbeTarget, lookup: Lookup, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let running: { destroy(): unknown } | null = null;
    let ended = false;
    const limit = setTimeout(() => end(`no answer within ${inWords(target.timeoutMs)}`), target.timeoutMs);
    const cancel = (): void => end("cancelled");
    const end = (result: ProbeResult): void => {
      if (ended) return;
      ended = true;
      clearTimeout(limit);
      signal.removeEventListener("abort", cancel);
      running?.destroy();
      resolve(result);
    };
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel);
    start(target, lookup, end).then(
      (started) => {
        running = started;
        if (ended) started.destroy();
      },
      (error: unknown) => end(errorInWords(error)),
    );
  });
}

/** Whether a status is one of `200` or `200-399`. */
export function statusExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((range) => {
    const [low = NaN, high = low] = range.split("-").map(Number);
    return status >= low && status <= high;
  });
}

async function start(target: ProbeTarget, lookup: Lookup, end: (result: ProbeResult) => void): Promise<{ destroy(): unknown }> {
  const url = new URL(target.url);
  const secure = url.protocol === "https:";
  const host = hostOf(url);
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const options = secure ? { host, port, lookup, ...tlsOptions(target, host) } : { host, port, lookup };
  if (target.path === undefined) {
    const socket = secure ? (await import("node:tls")).connect(options, () => end(null)) : net.connect(options, () => end(null));
    return socket.on("error", (error) => end(errorInWords(error)));
  }
  const request: RequestOptions = {
    ...options,
    method: "GET",
    path: target.path,
    agent: false,
    setHost: false,
    headers: { host: target.host ?? url.host, "user-agent": "millrace-probe", accept: "*/*", connection: "close" },
  };
  const sent = secure ? (await import("node:https")).request(request) : http.request(request);
  sent.on("error", (error) => end(errorInWords(error)));
  // Switching protocols is no answer to a plain GET; without this listener Node would wait for the time limit.
  sent.on("upgrade", () => end("status 101, which nobody asked for"));
  sent.on("response", (response) => judge(response, target, end));
  sent.end();
  return sent;
}

function judge(response: IncomingMessage, target: ProbeTarget, end: (result: ProbeResult) => void): void {
  const status = response.statusCode ?? 0;
  if (!statusExpected(status, target.expectedStatuses)) {
    end(`status ${status}, expected ${target.expectedStatuses.join(", ")}`);
    return;
  }
  // A backend that sends a good head and then hangs or dies is not well: the body counts, up to a limit.
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) end(null);
  });
  response.on("end", () => end(null));
  response.on("error", (error) => end(errorInWords(error)));
  response.on("aborted", () => end("the connection ended within the body"));
}

function tlsOptions(target: ProbeTarget, host: string): { rejectUnauthorized: boolean; servername?: string; ca?: string } {
  const { verify, serverName, ca } = target.tls;
  const name = serverName ?? host;
  return {
    rejectUnauthorized: verify,
    // RFC 6066 section 3: a literal address is not permitted as server name.
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    ...(ca === undefined ? {} : { ca }),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ENOTFOUND: "host name not known",
  EAI_AGAIN: "host name cannot be resolved now",
  ETIMEOUT: "host name was not resolved in time",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "connection timed out",
};

/** The code in words. Several addresses were tried: the first one's reason stands for all. */
function errorInWords(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorInWords(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  // OpenSSL's own text is a line of numbers and places in its source.
  if (code.startsWith("ERR_SSL_")) return `TLS failed: ${code.slice("ERR_SSL_".length).toLowerCase().replaceAll("_", " ")}`;
  if (code.startsWith("HPE_")) return `malformed answer (${error.message})`;
  return REASONS[code] ?? (error.message.trim() || code);
}

function inWords(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
