/**
 * Heads from names and values, for whatever does not come over a wire of HTTP/1: HTTP/2, a cache, node:http, fetch, tests. What is built is
 * what a codec would have read: the same text and positions, known fields and host. A line that no codec accepts is refused with a
 * TypeError, and so a head that was built can be written to any wire. Built heads never change and may be kept.
 *
 * Whether Content-Length and Transfer-Encoding fit the body is not checked here: heads do not know their bodies.
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

/** Names keep their spelling. Values hold one character a byte (latin1): encode other text as UTF-8 first. */
export type Fields = Iterable<readonly [name: string, value: string]>;

export interface RequestLine {
  readonly method: string;
  /** origin-form: a path with its query; "*" with OPTIONS; the authority with CONNECT. */
  readonly target: string;
  /** Whom it is for, as HTTP/2 says it. Absent: the value of Host among the fields; with both, they must say the same. */
  readonly authority?: string;
  /** What the sender speaks; "1.1" unless said. */
  readonly version?: HttpVersion;
}

export interface StatusLine {
  readonly status: number;
  /** Absent: the usual one. */
  readonly reason?: string;
  /** What the sender speaks; "1.1" unless said. */
  readonly version?: HttpVersion;
}

/** Throws a TypeError on what a codec would refuse. The message never shows a value. */
export function buildRequestHead(line: RequestLine, fields: Fields): RequestHead {
  const { method, target, version = "1.1" } = line;
  if (!TOKEN.test(method)) throw new TypeError(`the method ${JSON.stringify(method)} is not a token`);
  const lines = sectionOf(fields);
  return new RequestHead({ version, method, target, ...targetOf(method, target), ...authorityOf(line, lines) }, lines);
}

/** Throws a TypeError on what a codec would refuse. The message never shows a value. */
export function buildResponseHead({ status, reason = reasonPhrase(status), version = "1.1" }: StatusLine, fields: Fields): ResponseHead {
  if (!Number.isInteger(status) || status < 100 || status > 599) throw new TypeError(`${status} is not a status`);
  if (!FIELD_VALUE.test(reason)) throw new TypeError("the reason phrase holds a character that it must not");
  return new ResponseHead({ version, status, reason }, sectionOf(fields));
}

/** Adds those lines, and completes the section with them: it must be empty. */
export function addFields(section: FieldSection, fields: Fields): void {
  const lines: string[] = [];
  let at = 0;
  for (const [name, given] of fields) {
    if (!TOKEN.test(name)) throw new TypeError(`the field name ${JSON.stringify(name)} is not a token`);
    if (!FIELD_VALUE.test(given)) throw new TypeError(`the value of field ${JSON.stringify(name)} holds a character that it must not`);
    const value = trimOws(given);
    const id = knownFieldNamed(name);
    // As a codec does: a number that begins with a zero goes on without it, see RESPELLED in forward-fields.ts.
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

/** RFC 9112 section 3.2 but for absolute-form, which only HTTP/1 has: whoever reads it tells target and authority apart. */
function targetOf(method: string, target: string): Pick<RequestFacts, "forwardTarget" | "path"> {
  if (ORIGIN_FORM.test(target)) {
    const query = target.indexOf("?");
    return { forwardTarget: target, path: query < 0 ? target : target.slice(0, query) };
  }
  if (target === "*" ? method === "OPTIONS" : method === "CONNECT" && isAuthority(target)) return { forwardTarget: target, path: target };
  throw new TypeError(`the target ${JSON.stringify(target)} is none for ${method}`);
}

/** RFC 9112 section 3.2 and RFC 9113 section 8.3.1: one Host at most, and it says what `authority` says. */
function authorityOf({ authority, version }: RequestLine, lines: FieldSection): Pick<RequestFacts, "authority" | "host" | "hostReplaced"> {
  const [host, ...more] = lines.knownValues(Known.host);
  if (more.length > 0) throw new TypeError("there is more than one Host");
  const said = authority ?? host;
  if (said === undefined) {
    if (version !== "1.0") throw new TypeError("there is neither an authority nor Host");
    return { authority: "", host: "", hostReplaced: true };
  }
  if (!isAuthority(said)) throw new TypeError("the authority is malformed");
  if (host !== undefined && host.toLowerCase() !== said.toLowerCase()) throw new TypeError("authority and Host differ");
  return { authority: said, host: hostOf(said), hostReplaced: host !== said };
}
