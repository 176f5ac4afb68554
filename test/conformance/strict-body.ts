/** Body framing as a strict recipient reads it (RFC 9112 sections 6 and 7), for both directions. */
import { readFields, valuesOf } from "./strict-grammar.ts";
import type { Field } from "./strict-grammar.ts";

export interface Body {
  readonly text: string;
  /** The trailer section with its line ends, "" without one. */
  readonly trailers: string;
  /** Offset behind the body. */
  readonly end: number;
}

/** A body; "more" while it is not complete; else what is wrong with it. */
export type BodyReading = Body | { readonly more: true; readonly text: string } | { readonly fault: string };

export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "chunked" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly fault: string };

/**
 * At most one framing field, and that one plain: a single Content-Length of digits, or a single `chunked`. `padded`: whether zeros may stand
 * before the number.
 */
export function framingOf(fields: readonly Field[], minor: string, padded: boolean): Framing {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) return { fault: "more than one framing field" };
  const [coding] = codings;
  if (coding !== undefined) {
    if (minor === "0") return { fault: "Transfer-Encoding in HTTP/1.0" };
    return coding.toLowerCase() === "chunked" ? { kind: "chunked" } : { fault: `transfer coding ${JSON.stringify(coding)}` };
  }
  const [length] = lengths;
  if (length === undefined) return { kind: "none" };
  if (!(padded ? /^[0-9]+$/ : /^(?:0|[1-9][0-9]*)$/).test(length) || Number(length) > Number.MAX_SAFE_INTEGER)
    return { fault: `length ${JSON.stringify(length)}` };
  return { kind: "length", length: Number(length) };
}

export function readBody(bytes: string, at: number, framing: Exclude<Framing, { fault: string }>, extensions: boolean): BodyReading {
  if (framing.kind === "none") return { text: "", trailers: "", end: at };
  if (framing.kind === "chunked") return readChunked(bytes, at, extensions);
  const end = at + framing.length;
  return bytes.length < end ? { more: true, text: bytes.slice(at) } : { text: bytes.slice(at, end), trailers: "", end };
}

/** RFC 9112 section 7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` */
const SIZE_LINE_EXTENDED = extendedSizeLine();

function extendedSizeLine(): RegExp {
  const space = "[ \\t]*";
  const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
  const quoted = '"(?:[\\t !\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
  return new RegExp(`^0*([0-9A-Fa-f]{1,13})(?:${space};${space}${token}(?:${space}=${space}(?:${token}|${quoted}))?)*$`);
}

/** CRLF only; `extensions`: whether they may stand behind a size, with the white space that goes with them. */
function readChunked(bytes: string, from: number, extensions: boolean): BodyReading {
  const sizeLine = extensions ? SIZE_LINE_EXTENDED : /^0*([0-9A-Fa-f]{1,13})$/;
  let at = from;
  let text = "";
  for (;;) {
    const line = lineAt(bytes, at);
    if (line === null) {
      // What is there of the line must be able to become one.
      return /^[0-9A-Fa-f]*(?:[ \t]*|[ \t]*;[\t\x20-\x7e\x80-\xff]*)\r?$/.test(bytes.slice(at))
        ? { more: true, text }
        : { fault: `chunk size line ${shown(bytes, at)}` };
    }
    const found = sizeLine.exec(line);
    if (found === null) return { fault: `chunk size line ${shown(bytes, at)}` };
    const size = Number.parseInt(found[1] ?? "", 16);
    at += line.length + 2;
    if (size === 0) break;
    const data = bytes.slice(at, at + size);
    text += data;
    at += size;
    const behind = bytes.slice(at, at + 2);
    if (data.length < size || (behind.length < 2 && "\r\n".startsWith(behind))) return { more: true, text };
    if (behind !== "\r\n") return { fault: `bytes behind the data of a chunk: ${shown(bytes, at)}` };
    at += 2;
  }
  const start = at;
  const lines: string[] = [];
  for (;;) {
    const line = lineAt(bytes, at);
    if (line === null) return { more: true, text };
    at += line.length + 2;
    if (line === "") break;
    lines.push(line);
  }
  const fields = readFields(lines);
  if (typeof fields === "string") return { fault: `trailer: ${fields}` };
  return { text, trailers: bytes.slice(start, at - 2), end: at };
}

/** The line that starts there, without its CRLF; null while it has no end. */
export function lineAt(bytes: string, at: number): string | null {
  const end = bytes.indexOf("\r\n", at);
  return end < 0 ? null : bytes.slice(at, end);
}

function shown(bytes: string, at: number): string {
  return JSON.stringify(bytes.slice(at, at + 40));
}
