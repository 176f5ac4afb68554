/**
 * Makes one probe (one health check) of one endpoint: a GET whose response must have an expected status. Without a path, the probe only
 * connects, including the TLS handshake for https. One time limit covers connecting, the head and the body. Redirects are not followed.
 *
 * The response is read by the same parser as responses to clients' requests, so that both accept the same bytes.
 */
import net from "node:net";
import type { Socket } from "node:net";
import { codeOf } from "../../base/errors.ts";
import { socketFaultInWords } from "../../base/socket-fault.ts";
import { tlsFaultInWords } from "../../base/tls-fault.ts";
import { endpointAddress } from "../../config/addresses/endpoint-address.ts";
import { writeProxyHeader } from "../../proxy-protocol/write-header.ts";
import type { ProxyVersion } from "../../proxy-protocol/write-header.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import { ProbeAnswer, probeRequest } from "./probe-answer.ts";
import type { ProbeResult } from "./probe-answer.ts";

export interface ProbeTarget {
  /** `http://` or `https://`, host and optional port, or `unix:` and a path. */
  readonly url: string;
  /** The version of the PROXY protocol that the endpoint expects; undefined: none. */
  readonly proxyProtocol: ProxyVersion | undefined;
  /** Path to request. Undefined: only connect. */
  readonly path: string | undefined;
  /** `Host` to send. Undefined: the host of `url`. */
  readonly host: string | undefined;
  /** Statuses such as `200` and ranges such as `200-399`. */
  readonly expectedStatuses: readonly string[];
  /** Milliseconds for the whole probe. */
  readonly timeoutMs: number;
  readonly tls: UpstreamTls;
}

/** Resolves a host name: the `lookup` option of Node's sockets. */
export type Lookup = NonNullable<net.TcpSocketConnectOpts["lookup"]>;

/** Makes one probe. Never rejects. An abort ends it with the result `cancelled`. */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<ProbeResult>;

/** Makes a {@link Probe} that resolves host names with `lookup`. */
export function probeWith(lookup: Lookup): Probe {
  return (target, signal) => probe(target, lookup, signal);
}

function probe(target: ProbeTarget, lookup: Lookup, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let socket: { destroy(): unknown } | null = null;
    let ended = false;
    const limit = setTimeout(() => end(`no answer within ${inWords(target.timeoutMs)}`), target.timeoutMs);
    const cancel = (): void => end("cancelled");
    const end = (result: ProbeResult): void => {
      if (ended) return;
      ended = true;
      clearTimeout(limit);
      signal.removeEventListener("abort", cancel);
      socket?.destroy();
      resolve(result);
    };
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel);
    start(target, lookup, end).then(
      (started) => {
        socket = started;
        if (ended) started.destroy();
      },
      (error: unknown) => end(errorInWords(error)),
    );
  });
}

async function start(target: ProbeTarget, lookup: Lookup, end: (result: ProbeResult) => void): Promise<{ destroy(): unknown }> {
  const { host, port, path: socketPath, secure, authority } = endpointAddress(target.url);
  const { path, proxyProtocol } = target;
  const preface = proxyProtocol === undefined ? "" : writeProxyHeader(proxyProtocol, null);
  const onError = (error: Error): void => {
    end((socketPath === null ? null : socketFaultInWords(codeOf(error))) ?? errorInWords(error));
  };
  const connected = (socket: Socket): void => {
    if (path === undefined) return end(null);
    socket.write(probeRequest(path, target.host ?? authority));
    readAnswer(socket, target, end);
  };
  if (!secure) {
    const socket = net.connect(socketPath === null ? { host, port, lookup } : { path: socketPath }, () => {
      if (preface !== "") socket.write(preface, "latin1");
      connected(socket);
    });
    return socket.on("error", onError);
  }
  // Loaded here, because it takes milliseconds and most endpoints speak plain HTTP.
  const [tls, { endpointOptions, proofOfSocket }] = await Promise.all([import("node:tls"), import("../../certificates/endpoint-tls.ts")]);
  const outer = net.connect({ host, port, lookup }, () => {
    if (preface !== "") outer.write(preface, "latin1");
    const socket = tls.connect({ ...endpointOptions(target.tls, host), socket: outer }, () => {
      const proof = proofOfSocket(target.tls, host, socket);
      if (typeof proof === "string") end(tlsFaultInWords(proof) ?? proof);
      else connected(socket);
    });
    socket.on("error", onError);
  });
  return outer.on("error", onError);
}

function readAnswer(socket: Socket, target: ProbeTarget, end: (result: ProbeResult) => void): void {
  const answer = new ProbeAnswer(target.expectedStatuses);
  socket.on("data", (chunk: Buffer) => {
    const result = answer.take(chunk);
    if (result !== undefined) end(result);
  });
  socket.on("end", () => end(answer.end()));
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

/** The error in words. When several addresses were tried (AggregateError), only the reason of the first is given. */
function errorInWords(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorInWords(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  return REASONS[code] ?? tlsFaultInWords(code) ?? (error.message.trim() || code);
}

function inWords(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
