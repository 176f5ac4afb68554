/**
 * Builds heads from names and values, for messages that do not come as HTTP/1 bytes: HTTP/2, a cache, node:http, fetch, tests.
 *
 * A built head equals the one that the HTTP/1 codec would have read: the same text, positions, known fields and host. A line that the
 * codec would refuse is refused with a TypeError, so a built head can be sent over any HTTP version. Built heads never change and may be
 * kept. Not checked: whether Content-Length and Transfer-Encoding fit the body, which a head does not know.
 */
import { hostOf, isAuthority } from "./authority.ts";
import { FieldSection } from "./field-section.ts";
import type { HttpVersion } from "./http-version.ts";
import { Known, bit, knownFieldNamed } from "./known-fields.ts";
import { RequestHead } from "./request-head.ts";
import type { RequestFacts } from "./request-head.ts";
import { ResponseHead } from "./response-head.ts";
import { reasonPhrase } from "./status.ts";
import { FIELD_VALUE, ORIGIN_FORM, TOKEN } from "./syntax.ts";
import { trimOws } from "./trim-ows.ts";

/** Field lines in order. Names keep their spelling. Values are latin1, one character per byte: encode other text as UTF-8 first. */
export type Fields = Iterable<readonly [name: string, value: string]>;

/** What a request's head has beside its fields, for {@link buildRequestHead}. */
export interface RequestLine {
  /** A token (RFC 9110 section 9.1); methods are case-sensitive. */
  readonly method: string;
  /** A path with its query (origin-form), "*" for OPTIONS, or the authority for CONNECT. */
  readonly target: string;
  /** Such as `:authority` of HTTP/2. Absent: the value of the field Host. If both are given, they must be equal. */
  readonly authority?: string;
  /** The version that the sender speaks; "1.1" by default. */
  readonly version?: HttpVersion;
}

/** What a response's head has beside its fields, for {@link buildResponseHead}. */
export interface StatusLine {
  /** The status code, 100 to 599 (RFC 9110 section 15). */
  readonly status: number;
  /** Absent: the standard phrase of the status. */
  readonly reason?: string;
  /** The version that the sender speaks; "1.1" by default. */
  readonly version?: HttpVersion;
}

/** Why a head is refused, by the names that the codec has for its faults (http1/faults.ts). */
type Refusal =
  | "requestLine"
  | "fieldName"
  | "fieldValue"
  | "hostMissing"
  | "hostRepeated"
  | "hostInvalid"
  | "targetInvalid"
  | "targetMismatch";

/** Names and values that are no head: the codec would refuse them. The message never shows a value. */
export class HeadRefused extends TypeError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

/**
 * Makes a request's head that never changes. Throws a TypeError for what the proxy would refuse to receive, such as a name that is no token
 * or a missing Host. The message never shows a value of a field.
 */
export function buildRequestHead(line: RequestLine, fields: Fields): RequestHead {
  const { method, target, version = "1.1" } = line;
  if (!TOKEN.test(method)) throw new HeadRefused("requestLine", `the method ${JSON.stringify(method)} is not a token`);
  const lines = sectionOf(fields);
  return new RequestHead({ version, method, target, ...targetOf(method, target), ...authorityOf(line, lines) }, lines);
}

/**
 * Makes a response's head that never changes. Throws a TypeError for what the proxy would refuse to receive. The message never shows a value
 * of a field.
 */
export function buildResponseHead({ status, reason = reasonPhrase(status), version = "1.1" }: StatusLine, fields: Fields): ResponseHead {
  if (!Number.isInteger(status) || status < 100 || status > 599) throw new TypeError(`${status} is not a status`);
  if (!FIELD_VALUE.test(reason)) throw new TypeError("the reason phrase holds a character that it must not");
  return new ResponseHead({ version, status, reason }, sectionOf(fields));
}

/** Fills an empty section with these lines and completes it. Throws a TypeError for a line that the codec would refuse. */
export function addFields(section: FieldSection, fields: Fields): void {
  const lines: string[] = [];
  let at = 0;
  for (const [name, given] of fields) {
    if (!TOKEN.test(name)) throw new HeadRefused("fieldName", `the field name ${JSON.stringify(name)} is not a token`);
    if (!FIELD_VALUE.test(given)) {
      throw new HeadRefused("fieldValue", `the value of field ${JSON.stringify(name)} holds a character that it must not`);
    }
    const value = trimOws(given);
    const id = knownFieldNamed(name);
    // As the codec does: a length with leading zeros is forwarded without them, see RESPELLED in forward-fields.ts.
    if (id === Known.contentLength && /^0./.test(value)) section.present |= bit(Known.respelled);
    const valueStart = at + name.length + 2;
    section.addLine(at, at + name.length, valueStart, valueStart + value.length, id);
    lines.push(`${name}: ${value}\r\n`);
    at = valueStart + value.length + 2;
  }
  section.complete(lines.join(""));
}

function sectionOf(fields: Fields): FieldSection {
  const section = new FieldSection();
  addFields(section, fields);
  return section;
}

/** The request target (RFC 9112 section 3.2), without absolute-form: only HTTP/1 has that, and its reader splits off the authority. */
function targetOf(method: string, target: string): Pick<RequestFacts, "forwardTarget" | "path"> {
  if (ORIGIN_FORM.test(target)) {
    const query = target.indexOf("?");
    return { forwardTarget: target, path: query < 0 ? target : target.slice(0, query) };
  }
  if (target === "*" ? method === "OPTIONS" : method === "CONNECT" && isAuthority(target)) return { forwardTarget: target, path: target };
  throw new HeadRefused("targetInvalid", `the target ${JSON.stringify(target)} is none for ${method}`);
}

/** The authority: there may be one Host, and it must equal `authority` (RFC 9112 section 3.2, RFC 9113 section 8.3.1). */
function authorityOf({ authority, version }: RequestLine, lines: FieldSection): Pick<RequestFacts, "authority" | "host" | "hostReplaced"> {
  const [host, ...more] = lines.knownValues(Known.host);
  if (more.length > 0) throw new HeadRefused("hostRepeated", "there is more than one Host");
  const given = authority ?? host;
  if (given === undefined) {
    if (version !== "1.0") throw new HeadRefused("hostMissing", "there is neither an authority nor Host");
    return { authority: "", host: "", hostReplaced: true };
  }
  if (!isAuthority(given)) throw new HeadRefused("hostInvalid", "the authority is malformed");
  if (host !== undefined && host.toLowerCase() !== given.toLowerCase())
    throw new HeadRefused("targetMismatch", "authority and Host differ");
  return { authority: given, host: hostOf(given), hostReplaced: host !== given };
}
