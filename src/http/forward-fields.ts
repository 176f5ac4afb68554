/**
 * Which received field lines are passed on. Lines are never rebuilt: what lies between two dropped lines is one slice of the
 * received text, so names keep their spelling and their order (docs/forwarding.md).
 */
import type { FieldSection } from "./field-section.ts";
import { FRAMING_AND_HOST, Known, bit } from "./known-fields.ts";

/** End at this hop in either direction (RFC 9110 section 7.6.1); Transfer-Encoding is the codec's to decide. */
// Proxy-Authorization and Proxy-Authenticate are between a client and a forward proxy that it chose, and a gateway is none (section 11.7).
const HOP_BY_HOP = bit(Known.connection) | bit(Known.keepAlive) | bit(Known.te) | bit(Known.upgrade) | bit(Known.hopByHop);

/**
 * Never forwarded of a request: hop-by-hop fields, `Proxy` (it becomes HTTP_PROXY in CGI, CVE-2016-5385) and names that origins fold
 * onto others (`X_Forwarded_For` onto `X-Forwarded-For`); `unsafe_field_names: forward` lets pass what folds onto none of ours.
 */
export const REQUEST_DROPPED: number = HOP_BY_HOP | bit(Known.proxy) | bit(Known.unsafeName) | bit(Known.foldedName);

/** Of a request whose sender is no trusted proxy: what claims to be said by one. */
export const UNTRUSTED_DROPPED: number =
  bit(Known.forwarded) |
  bit(Known.xForwardedFor) |
  bit(Known.xForwardedProto) |
  bit(Known.xForwardedHost) |
  bit(Known.xForwardedPort) |
  bit(Known.clientCert) |
  bit(Known.xRealIp);

/** Never forwarded of a response. */
export const RESPONSE_DROPPED: number = HOP_BY_HOP;

/**
 * Some line goes on in another spelling than it came in: with one space around a line end of a folded one, without white space before its
 * colon (RFC 9112 sections 5.2 and 5.1; of responses only). And two parsers that read the fields of `FRAMING_AND_HOST` differently see two
 * messages, so these are spelled as plainly as can be. Around a value a tab is white space (RFC 9110 section 5.6.3), but to some origins part
 * of the value (nginx; llhttp for Transfer-Encoding); before a number a zero means nothing (section 8.6), but to some origins that an octal
 * number follows.
 */
const RESPELLED = bit(Known.respelled);

/** The text of `section` without lines whose known id is in `dropped` and without lines of the names in `removed` (lower case). */
export function keptText(section: FieldSection, dropped: number, removed: readonly string[]): string {
  const text = section.text;
  if ((section.present & (dropped | RESPELLED)) === 0 && removed.length === 0) return text;
  const respelled = (section.present & RESPELLED) !== 0;
  // A client may name thousands of fields: with a look at each of them for each line, a head would cost milliseconds.
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

/** Fields that a trailer section must not carry: framing, routing, authentication and what alters how the message is read (RFC 9110 section 6.5.1). */
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

/** The lines of a trailer section that may be forwarded. */
export function keptTrailers(section: FieldSection | null): string {
  if (section === null) return "";
  return keptText(section, TRAILER_FORBIDDEN, TRAILER_FORBIDDEN_NAMES);
}
