/**
 * Decides which received field lines are forwarded, and gives their text. The lines between two dropped ones are copied as one slice of
 * the received text, so names keep their spelling and order (docs/forwarding.md).
 */
import type { FieldSection } from "./field-section.ts";
import { FRAMING_AND_HOST, Known, bit } from "./known-fields.ts";

/**
 * Hop-by-hop fields: not forwarded in either direction (RFC 9110 section 7.6.1). The codec decides about Transfer-Encoding.
 * Proxy-Authorization and Proxy-Authenticate are among them, because they are meant for a forward proxy that the client chose, and this
 * is a gateway (section 11.7).
 */
const HOP_BY_HOP = bit(Known.connection) | bit(Known.keepAlive) | bit(Known.te) | bit(Known.upgrade) | bit(Known.hopByHop);

/**
 * Not forwarded in requests: hop-by-hop fields; `Proxy`, which CGI turns into HTTP_PROXY (CVE-2016-5385); the fields of a client's
 * certificate, which only the proxy writes (RFC 9440 section 4), trusted proxies included; and names with unsafe characters, which some origin
 * servers take for others (`X_Forwarded_For` for `X-Forwarded-For`). With `unsafe_field_names: forward` the unsafe names that cannot be
 * taken for a known field are forwarded.
 */
export const REQUEST_DROPPED: number = HOP_BY_HOP | bit(Known.proxy) | bit(Known.verified) | bit(Known.unsafeName) | bit(Known.foldedName);

/**
 * Also not forwarded in requests from a sender that is not a trusted proxy: fields that only such a proxy may send. With
 * `forwarded_path_fields: forward` those of `Known.forwardedPath` are forwarded from everybody.
 */
export const UNTRUSTED_DROPPED: number =
  bit(Known.forwarded) |
  bit(Known.xForwardedFor) |
  bit(Known.xForwardedProto) |
  bit(Known.xForwardedHost) |
  bit(Known.forwardedPath) |
  bit(Known.aboutClient);

/** Not forwarded in responses. */
export const RESPONSE_DROPPED: number = HOP_BY_HOP;

/**
 * Set when some line must be forwarded in another spelling than received. There are two reasons:
 *
 * - In a response: a folded line gets one space for each line end, and white space before a colon is removed (RFC 9112 sections 5.2
 *   and 5.1).
 * - A field of `FRAMING_AND_HOST` is written as plainly as possible, because two parsers that read it differently see two different
 *   messages. A tab around a value is white space (RFC 9110 section 5.6.3), but nginx takes it for a part of the value, and so does llhttp
 *   for Transfer-Encoding. Leading zeros of a length mean nothing (section 8.6), but some origin servers then read an octal number.
 */
const RESPELLED = bit(Known.respelled);

/** The text of `section` without lines whose known id is in `dropped` and without lines of the names in `removed` (lower case). */
export function keptText(section: FieldSection, dropped: number, removed: readonly string[]): string {
  const text = section.text;
  if ((section.present & (dropped | RESPELLED)) === 0 && removed.length === 0) return text;
  const respelled = (section.present & RESPELLED) !== 0;
  // A client can name thousands of fields in Connection. To compare each line with each name would take milliseconds.
  const many = removed.length > FEW ? new Set(removed) : null;
  let kept = "";
  let runStart = 0;
  for (let index = 0; index < section.count; index++) {
    const known = 1 << section.knownId(index);
    const gone =
      (dropped & known) !== 0 || (many === null ? isRemoved(section, index, removed) : many.has(section.name(index).toLowerCase()));
    if (!gone && !(respelled && isRespelled(section, index))) continue;
    const lineStart = section.nameStart(index);
    if (lineStart > runStart) kept += text.slice(runStart, lineStart);
    if (!gone) kept += `${section.name(index)}: ${plainValue(section, index)}\r\n`;
    runStart = section.lineEnd(index);
  }
  return runStart < text.length ? kept + text.slice(runStart) : kept;
}

const FEW = 8;

function isRespelled(section: FieldSection, index: number): boolean {
  if ((FRAMING_AND_HOST & (1 << section.knownId(index))) !== 0) return true;
  const { text } = section;
  const nameEnd = section.nameEnd(index);
  return text.charAt(nameEnd) !== ":" || text.indexOf("\r\n", nameEnd) !== section.lineEnd(index) - 2;
}

function plainValue(section: FieldSection, index: number): string {
  const value = section.value(index);
  return section.knownId(index) === Known.contentLength ? value.replace(/^0+(?=[0-9])/, "") : value;
}

function isRemoved(section: FieldSection, index: number, removed: readonly string[]): boolean {
  for (let at = 0; at < removed.length; at++) if (section.isNamed(index, removed[at] ?? "")) return true;
  return false;
}

/** Fields that trailers must not carry: about framing, routing, authentication or how to read the message (RFC 9110 section 6.5.1). */
const TRAILER_FORBIDDEN =
  HOP_BY_HOP |
  bit(Known.host) |
  bit(Known.contentLength) |
  bit(Known.transferEncoding) |
  bit(Known.trailer) |
  bit(Known.expect) |
  bit(Known.via) |
  bit(Known.maxForwards) |
  bit(Known.authorization) |
  bit(Known.proxy) |
  bit(Known.verified) |
  bit(Known.unsafeName) |
  bit(Known.foldedName) |
  bit(Known.date) |
  UNTRUSTED_DROPPED;
const TRAILER_FORBIDDEN_NAMES: readonly string[] = [
  "cookie",
  "set-cookie",
  "content-encoding",
  "content-type",
  "content-range",
  "cache-control",
  "proxy-authorization",
  "proxy-authenticate",
  "www-authenticate",
  "x-api-key",
  "location",
  "vary",
  "age",
  "expires",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
  "retry-after",
  "pragma",
];

/** The text of the trailer lines that are forwarded; "" for none. */
export function keptTrailers(section: FieldSection | null): string {
  if (section === null) return "";
  return keptText(section, TRAILER_FORBIDDEN, TRAILER_FORBIDDEN_NAMES);
}
