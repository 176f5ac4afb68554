/** Node's messages, of http and of the compatibility API of http2, and what is read from them before the proxy answers. */
import type { Http2ServerRequest } from "node:http2";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { plainPeer } from "../http/client-address.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import type { HttpVersion } from "../http/http-version.ts";
import { Faults } from "../http1/faults.ts";
import type { Fault } from "../http1/faults.ts";
import type { NodeRequest, NodeResponse } from "./proxy-types.ts";
import type { ParsedRequest } from "./read-head.ts";

/** The address under which the client on a Unix socket is known. */
const THIS_MACHINE = "127.0.0.1";

export function isHttp2(request: NodeRequest): request is Http2ServerRequest {
  return request.httpVersionMajor >= 2;
}

/** Address of the connection's other end; "": not known. */
export function peerOf({ socket }: NodeRequest): string {
  const { remoteAddress } = socket;
  if (remoteAddress !== undefined) return plainPeer(remoteAddress);
  // An open socket of Node's without an address is a Unix socket, unless it carries somebody's stream.
  return socket instanceof Socket && !(socket instanceof TLSSocket) && !socket.destroyed ? THIS_MACHINE : "";
}

export function isSecure({ socket }: NodeRequest): boolean {
  return Reflect.get(socket, "encrypted") === true;
}

/** The request as Node has parsed it. Method and URL are those that the program may have set since. */
export function parsedRequest(request: NodeRequest): ParsedRequest | Fault {
  const version = VERSIONS[request.httpVersion];
  if (version === undefined) return Faults.version;
  const method = request.method ?? "";
  const target = request.url ?? "";
  const { rawHeaders } = request;
  const fields: FieldPair[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) fields.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  return isHttp2(request) ? fromHttp2(request, fields) : { line: { method, target, version }, fields };
}

const VERSIONS: Readonly<Record<string, HttpVersion | undefined>> = { "1.0": "1.0", "1.1": "1.1", "2.0": "2" };

/** Pseudo-fields leave the fields, crumbs of Cookie are joined (RFC 9113 section 8.2.3), and a body without a length is chunked from here on. */
function fromHttp2(request: Http2ServerRequest, all: readonly FieldPair[]): ParsedRequest {
  const cookies = all.filter(([name]) => name === "cookie").map(([, value]) => value);
  const fields = all.filter(([name]) => !name.startsWith(":") && name !== "cookie");
  if (cookies.length > 0) fields.push(["cookie", cookies.join("; ")]);
  const hasLength = fields.some(([name]) => name === "content-length");
  if (!hasLength && !request.stream.endAfterHeaders) fields.push(["transfer-encoding", "chunked"]);
  const line = { method: request.method, target: request.url, version: "2" as const };
  const { authority } = request;
  return { line: typeof authority === "string" && authority !== "" ? { ...line, authority } : line, fields };
}

/** Fields that say where a response ends. What the program has set of them before is about a body of its own. */
export const FRAMING: readonly string[] = ["content-length", "transfer-encoding", "trailer"];

/** Fields of a response of which the program's own lines count beside the endpoint's: its cookies, and what its own fields depend on. */
const ADDED: readonly string[] = ["set-cookie", "vary"];

/** Sets the fields of a response. What the program has set before under the same name goes, and stays under other names. */
export function setFields(response: NodeResponse, fields: readonly FieldPair[]): void {
  for (const name of FRAMING) if (response.hasHeader(name)) response.removeHeader(name);
  // Field by field, because other middleware of the program (compression, sessions) reads them from there.
  for (const [name, values] of grouped(fields)) {
    if (ADDED.includes(name.toLowerCase())) response.appendHeader(name, values);
    else response.setHeader(name, values);
  }
}

/** Each field once, with its value or its values. */
export type GroupedFields = readonly (readonly [name: string, value: string | string[]])[];

/** The fields as Node takes them one by one. A name is spelled as it came first. */
export function grouped(fields: readonly FieldPair[]): GroupedFields {
  const groups = new Map<string, [name: string, ...values: string[]]>();
  for (const [name, value] of fields) {
    const known = groups.get(name.toLowerCase());
    if (known === undefined) groups.set(name.toLowerCase(), [name, value]);
    else known.push(value);
  }
  return [...groups.values()].map(([name, first = "", ...more]) => [name, more.length === 0 ? first : [first, ...more]] as const);
}
