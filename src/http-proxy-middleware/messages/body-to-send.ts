/** The body of the request that is sent: the client's, what a listener has written, or what a body parser has left in the request. */
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { bodyLeft } from "../../embed/read-before.ts";
import { without } from "../../embed/read-head.ts";
import type { FieldPair } from "../../http/field-pairs.ts";
import type { HandedParts } from "./handed-request.ts";

type Body = Pick<HandedParts, "fields" | "first" | "rest">;

/**
 * Returns the body with the fields that describe it. Null: it was read, and nothing is left of it.
 * @param written what listeners have written. It comes before the client's
 */
export function bodyToSend(request: IncomingMessage, given: readonly FieldPair[], written: readonly Buffer[]): Body | null {
  // HTTP/2 needs no field to say that there is a body.
  const fields = declaredLength(given) === 0 && hasUndeclaredBody(request) ? [...given, CHUNKED] : given;
  if (written.length === 0) {
    const left = bodyLeft(request, declaredLength(fields), fields);
    if (left.kind === "lost") return null;
    return left.kind === "unread" ? { fields, first: [], rest: request } : { fields: left.fields, first: [left.bytes], rest: null };
  }
  if (!request.readableEnded && receivesBody(request)) {
    return { fields: declaredLength(fields) === 0 ? [...fields, CHUNKED] : fields, first: written, rest: request };
  }
  const size = written.reduce((sum, { length }) => sum + length, 0);
  return { fields: [...without(fields, FRAMING), ["Content-Length", String(size)]], first: written, rest: null };
}

const CHUNKED: FieldPair = ["Transfer-Encoding", "chunked"];
const FRAMING = ["content-length", "transfer-encoding", "trailer"];

/** The length that the fields tell; -1: that of the chunks. */
function declaredLength(fields: readonly FieldPair[]): number {
  if (fields.some(([name]) => name.toLowerCase() === "transfer-encoding")) return -1;
  const length = Number(fields.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? 0);
  return Number.isSafeInteger(length) ? length : -1;
}

function receivesBody(request: IncomingMessage): boolean {
  const { "transfer-encoding": coding, "content-length": length } = request.headers;
  return coding !== undefined || (length !== undefined && Number(length) !== 0) || hasUndeclaredBody(request);
}

function hasUndeclaredBody(request: IncomingMessage | Http2ServerRequest): boolean {
  return "stream" in request && !request.stream.endAfterHeaders;
}
