/** Bodies that the host program has read before the proxy got the request: a body parser of Express, the raw body of a cloud platform. */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../http/body-length.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import type { NodeRequest } from "./proxy-types.ts";
import { without } from "./read-head.ts";
import { urlencoded } from "./urlencoded.ts";

/** The request's body as the program left it. */
export type BodyLeft =
  /** Nobody has read it. */
  | { readonly kind: "unread" }
  /** It was read, and `fields` describe `bytes`. */
  | { readonly kind: "read"; readonly bytes: Buffer; readonly fields: readonly FieldPair[] }
  /** It was read, and nothing is left of it. */
  | { readonly kind: "lost" };

/** @param length the body's length as received */
export function bodyLeft(request: NodeRequest, length: BodyLength, fields: readonly FieldPair[]): BodyLeft {
  if (length === 0) return { kind: "unread" };
  if (!request.readableEnded) {
    // An encoding makes text of bytes, and somebody who wants that is about to read.
    const isUntouched = !request.readableDidRead && request.readableEncoding === null && !request.destroyed;
    return { kind: isUntouched ? "unread" : "lost" };
  }
  if (!request.readableDidRead) return describedBy(fields, Buffer.alloc(0), true);
  const { rawBody, body } = request as { readonly rawBody?: unknown; readonly body?: unknown };
  const type = valueOf(fields, "content-type");
  const coding = valueOf(fields, "content-encoding");
  for (const each of [rawBody, body]) {
    const bytes = bytesOf(each, type);
    if (bytes === null) continue;
    const isSame = length === bytes.length || (typeof each !== "string" && (coding === "" || isCoded(bytes, coding)));
    return describedBy(fields, bytes, isSame);
  }
  const text = serialised(body, type);
  const encoding = encodingOf(type);
  return text === null || encoding === null ? { kind: "lost" } : describedBy(fields, Buffer.from(text, encoding), false);
}

/** The value of that field (lower case), in lower case; "" if it is absent. */
function valueOf(fields: readonly FieldPair[], lowerName: string): string {
  return (fields.find(([name]) => name.toLowerCase() === lowerName)?.[1] ?? "").toLowerCase();
}

/** Whether bytes still have the coding in which they came, as their beginning shows. Body parsers undo it, others do not. */
function isCoded(bytes: Buffer, coding: string): boolean {
  const start = CODED_START[coding];
  return start !== undefined && start.every((octet, at) => bytes[at] === octet);
}

const CODED_START: Readonly<Record<string, readonly number[] | undefined>> = {
  gzip: [0x1f, 0x8b],
  deflate: [0x78],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** The bytes of a body that is kept as bytes or as text. */
function bytesOf(body: unknown, type: string): Buffer | null {
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const encoding = encodingOf(type);
  return typeof body === "string" && encoding !== null && (!isJson(type) || isJsonText(body)) ? Buffer.from(body, encoding) : null;
}

/** Whether the text is the JSON that came. A string that a parser of JSON has found in it is none, as good as always. */
function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The text of a body that was parsed. Null: its type does not say how to write it. */
function serialised(body: unknown, type: string): string | null {
  if (body === undefined) return null;
  const isForm = type.startsWith("application/x-www-form-urlencoded") && typeof body === "object" && body !== null;
  try {
    if (isJson(type)) return JSON.stringify(body) ?? null;
    return isForm ? urlencoded(body) : null;
  } catch {
    // It has more levels than the stack has room for, as a client may have sent it; or the program has put something into it that is no JSON.
    return null;
  }
}

function isJson(type: string): boolean {
  return /^application\/(?:[^;]*\+)?json[ \t]*(?:;|$)/.test(type);
}

/** The encoding in which a text of that type is sent. Null: it cannot be written in it. */
function encodingOf(type: string): BufferEncoding | null {
  const charset = /;[ \t]*charset="?([^\s;"]+)/.exec(type)?.[1] ?? "utf-8";
  return ENCODINGS[charset] ?? null;
}

const ENCODINGS: Readonly<Record<string, BufferEncoding | undefined>> = {
  "utf-8": "utf8",
  utf8: "utf8",
  "us-ascii": "utf8",
  "utf-16le": "utf16le",
  "iso-8859-1": "latin1",
};

/** Fields about the octets of the body that came: digests, and the coding that a parser has undone. */
const ABOUT_OCTETS = ["content-encoding", "content-md5", "digest", "content-digest", "repr-digest"];
const ABOUT_LENGTH = ["content-length", "transfer-encoding", "trailer"];

/** @param isSame whether the bytes are those that came */
function describedBy(fields: readonly FieldPair[], bytes: Buffer, isSame: boolean): BodyLeft {
  const kept = without(fields, isSame ? ABOUT_LENGTH : [...ABOUT_LENGTH, ...ABOUT_OCTETS]);
  return { kind: "read", bytes, fields: [...kept, ["Content-Length", String(bytes.length)]] };
}
