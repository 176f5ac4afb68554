import { Buffer } from "node:buffer";
import { stringify } from "node:querystring";
import { multipart } from "./multipart.ts";
import { urlencoded } from "../../embed/urlencoded.ts";

/** A request whose body a parser has read. */
export interface RequestToFix {
  /** Bytes of the body that nobody has read. */
  readonly readableLength: number;
  /** What the parser has made of it. */
  readonly body?: unknown;
}

/** What `fixRequestBody` needs of the request that is sent. */
export interface RequestToWrite {
  /** The value of a field. */
  getHeader(name: string): number | string | string[] | undefined;
  /** Sets a field. */
  setHeader(name: string, value: number | string): unknown;
  /** Takes a field out. */
  removeHeader(name: string): unknown;
  /** Adds to the body. */
  write(chunk: string): unknown;
  /** Gives the request up. */
  destroy(error: Error): unknown;
}

/**
 * Writes the body that a parser has left in `req.body`, as the type of the request says: `on: { proxyReq: fixRequestBody }`. JSON, forms and
 * texts are sent without it too.
 */
export function fixRequestBody(proxyReq: RequestToWrite, req: RequestToFix): void {
  const { body } = req;
  const type = proxyReq.getHeader("Content-Type");
  // A parser that has failed leaves a part of the body unread.
  if (req.readableLength !== 0 || !body || typeof type !== "string") return;
  try {
    const text = bodyText(type, body);
    if (text === null) return;
    // The parser has undone it.
    proxyReq.removeHeader("Content-Encoding");
    proxyReq.setHeader("Content-Length", Buffer.byteLength(text));
    proxyReq.write(text);
  } catch (error) {
    proxyReq.destroy(error instanceof Error ? error : new Error("the body cannot be written"));
  }
}

/** Null: the type does not say how to write it. */
function bodyText(type: string, body: unknown): string | null {
  if (type.includes("application/json") || type.includes("+json")) return JSON.stringify(body);
  if (typeof body === "string") return type.includes("text/plain") ? body : null;
  if (typeof body !== "object" || body === null) return null;
  if (type.includes("application/x-www-form-urlencoded")) return isFlat(body) ? stringify({ ...body }) : urlencoded(body);
  return type.includes("multipart/form-data") ? multipart(type, body) : null;
}

function isFlat(form: object): form is Readonly<Record<string, string>> {
  return Object.values(form).every((value) => typeof value !== "object");
}
