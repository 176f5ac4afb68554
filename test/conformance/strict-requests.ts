/**
 * Reads the requests of one connection as the strictest recipient would: CRLF only, no folding, at most one framing field, one valid
 * Host. In the role `origin` it judges what Millrace forwarded; in the role `client` it tells what a client's bytes entitle it to, so
 * it admits there what RFC 9112 lets a client send and a proxy does not pass on.
 */
import { framingOf, lineAt, readBody } from "./strict-body.ts";
import { TOKEN, isAuthority, readFields, valuesOf } from "./strict-grammar.ts";
import type { Field } from "./strict-grammar.ts";

export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  readonly minor: string;
  /** With the empty line. */
  readonly head: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: string;
  /** All of its bytes, framing included. */
  readonly wire: string;
}

export interface StrictReading {
  /** Complete ones. */
  readonly requests: readonly StrictRequest[];
  /** What is wrong behind them, or null. */
  readonly fault: string | null;
  /** Bytes behind the last complete request. */
  readonly rest: string;
  /** The head of the unfinished request, "" while that is not complete either. */
  readonly restHead: string;
}

export type Role = "client" | "origin";

/** RFC 9112 section 3.2, without the percent-encoding's form, which nobody frames by; "#" is never sent. */
const TARGET = /^[\x21\x22\x24-\x7e]+$/;

export function readRequests(bytes: string, role: Role): StrictReading {
  const requests: StrictRequest[] = [];
  let at = 0;
  for (;;) {
    // RFC 9112 section 2.2: empty lines before a request line are ignored. A proxy has no reason to send any.
    if (role === "client") while (bytes.startsWith("\r\n", at)) at += 2;
    const rest = bytes.slice(at);
    if (rest === "" || (role === "client" && rest === "\r")) return { requests, fault: null, rest, restHead: "" };
    const one = readRequest(bytes, at, role);
    if ("fault" in one) return { requests, fault: one.fault, rest, restHead: "" };
    if ("more" in one) return { requests, fault: null, rest, restHead: one.head };
    requests.push(one);
    at = one.end;
  }
}

type OneReading = (StrictRequest & { readonly end: number }) | { readonly more: true; readonly head: string } | { readonly fault: string };

function readRequest(bytes: string, start: number, role: Role): OneReading {
  const headEnd = bytes.indexOf("\r\n\r\n", start);
  const partial = headEnd < 0 ? bytes.slice(start) : bytes.slice(start, headEnd + 2);
  const stray = /\r(?!\n|$)|(?<!\r)\n/.exec(partial);
  if (stray !== null)
    return { fault: `a lone CR or LF in the head: ${JSON.stringify(partial.slice(Math.max(0, stray.index - 20), stray.index + 20))}` };
  const requestLine = lineAt(bytes, start);
  if (requestLine === null) return { more: true, head: "" };
  const parts = requestLine.split(" ");
  const [method = "", target = "", version = ""] = parts;
  const wrongLine = (what: string): { fault: string } => ({
    fault: `${what} in request line ${JSON.stringify(requestLine.slice(0, 200))}`,
  });
  if (parts.length !== 3) return wrongLine("wrong number of spaces");
  if (!TOKEN.test(method)) return wrongLine("method");
  if (!TARGET.test(target)) return wrongLine("target");
  const minor = /^HTTP\/1\.([01])$/.exec(version)?.[1];
  if (minor === undefined || (role === "origin" && minor !== "1")) return wrongLine("version");
  if (headEnd < 0) return { more: true, head: "" };

  const lines = bytes
    .slice(start + requestLine.length + 2, headEnd + 2)
    .split("\r\n")
    .slice(0, -1);
  const fields = readFields(lines);
  if (typeof fields === "string") return { fault: fields };
  const hostFault = faultOfHost(fields, minor) ?? faultOfTarget(method, target, role);
  if (hostFault !== null) return { fault: hostFault };
  const framing = framingOf(fields, minor, role === "client");
  if ("fault" in framing) return framing;
  const head = bytes.slice(start, headEnd + 4);
  const body = readBody(bytes, headEnd + 4, framing, role === "client");
  if ("fault" in body) return body;
  if ("more" in body) return { more: true, head };
  return {
    method,
    target,
    minor,
    head,
    fields,
    body: body.text,
    trailers: body.trailers,
    wire: bytes.slice(start, body.end),
    end: body.end,
  };
}

/** RFC 9112 section 3.2: exactly one in 1.1, at most one in 1.0, and that one valid. */
function faultOfHost(fields: readonly Field[], minor: string): string | null {
  const hosts = valuesOf(fields, "host");
  const [host] = hosts;
  if (hosts.length > 1) return "more than one Host";
  if (host === undefined) return minor === "1" ? "no Host" : null;
  return isAuthority(host) ? null : `Host ${JSON.stringify(host)}`;
}

function faultOfTarget(method: string, target: string, role: Role): string | null {
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return null;
  const fault = `target ${JSON.stringify(target.slice(0, 200))}`;
  if (role === "origin") return fault;
  if (method === "CONNECT") return isAuthority(target) ? null : fault;
  const authority = /^http:\/\/([^/?]*)/i.exec(target)?.[1];
  return authority !== undefined && isAuthority(authority) ? null : fault;
}
