/** Writes the head of a forwarded request as HTTP/1.1 text. docs/forwarding.md says which fields are forwarded. */
import type { RequestEdits } from "../../http/head-edits.ts";
import { REQUEST_DROPPED, UNTRUSTED_DROPPED, keptText } from "../../http/forward-fields.ts";
import { isAuthority } from "../../http/authority.ts";
import { addressOfEntry } from "../../http/client-address.ts";
import { trimOws } from "../../http/trim-ows.ts";
import { forwardedElement } from "../../http/forwarded.ts";
import type { HttpVersion } from "../../http/http-version.ts";
import { Known, bit } from "../../http/known-fields.ts";
import { FRAMING, framingLine } from "./framing-line.ts";
import type { KnownId } from "../../http/known-fields.ts";
import { maxForwards } from "../../http/max-forwards.ts";
import { asksForTooManyRanges } from "../../http/ranges.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { Http1RequestHead } from "../../http1/http1-request-head.ts";
import { startText, withFreshLines } from "../../http1/remembered/written-head.ts";
import { PSEUDONYM } from "../../proxy/exchange/forwarding.ts";
import type { OutgoingRequest } from "../../proxy/ports/outgoing-request.ts";

/** The request that the head is written from. */
export type ForwardedRequest = Omit<OutgoingRequest, "requestLength" | "responseLimits" | "awaitsContinue">;

/** What the writer needs to know of the endpoint. */
export interface ForwardedTo {
  /** Value of Host for a request that brought none. */
  readonly authority: string;
  /** Whether the proxy names itself in Via. */
  readonly via: boolean;
  /**
   * Whether the fields that say who the client is are written: X-Forwarded-For, -Proto and -Host, and those of its certificate. A request of the proxy's own has
   * what its caller says in any case.
   */
  readonly xForwarded: boolean;
}

/** Caches the text of the added X-Forwarded-* fields, which hardly ever changes from one request of a connection to the next. */
export class AddedFields {
  private peer: string | null = null;
  private authority: string = "";
  private secure: boolean = false;
  private text: string = "";

  /** The X-Forwarded-* lines for a peer that is not a trusted proxy. A peer of unknown address ("") is not named. */
  forUntrusted(peer: string, authority: string, secure: boolean): string {
    if (peer !== this.peer || authority !== this.authority || secure !== this.secure) {
      this.peer = peer;
      this.authority = authority;
      this.secure = secure;
      this.text =
        `${peer === "" ? "" : `X-Forwarded-For: ${peer}\r\n`}X-Forwarded-Proto: ${secure ? "https" : "http"}\r\n` +
        (authority === "" ? "" : `X-Forwarded-Host: ${authority}\r\n`);
    }
    return this.text;
  }
}

/**
 * The whole head: start line, kept fields, added fields and the empty line. The text of an earlier request with the same lines and
 * circumstances is used again (`request.written`).
 */
export function requestHeadText(exchange: ForwardedRequest, edits: RequestEdits, added: AddedFields, endpoint: ForwardedTo): string {
  const { request, facts } = exchange;
  const isHttp1 = request instanceof Http1RequestHead;
  const asReceived = isHttp1 && request.startLineReusable && edits.method === null && edits.target === null && edits.authority === null;
  const start = asReceived ? request.startLine : changedStart(request, edits);
  if (!isHttp1 || requestDependsOnMore(exchange, edits)) {
    return withFreshLines(start, requestLines(exchange, edits, added, endpoint), edits.fresh);
  }
  const { written } = request;
  const circumstances =
    (facts.secure ? 1 : 0) |
    (facts.unsafeFieldNames === "forward" ? 2 : 0) |
    (endpoint.via ? 4 : 0) |
    (facts.forwardedPathFields === "forward" ? 8 : 0) |
    (edits.authority === null ? 0 : 16) |
    (endpoint.xForwarded ? 32 : 0);
  if (written.knows(request.edition, edits, circumstances, facts.peer)) {
    return edits.fresh === "" ? written.withStart(start) : written.withFresh(start, edits.fresh);
  }
  const lines = requestLines(exchange, edits, added, endpoint);
  written.keep(lines);
  return withFreshLines(start, lines, edits.fresh);
}

/** The start line, and Host where middleware has set it. */
function changedStart(request: RequestHead, edits: RequestEdits): string {
  const method = edits.method ?? request.method;
  const target = edits.target ?? request.forwardTarget;
  const host = edits.authority ?? "";
  if (request instanceof Http1RequestHead) return request.written.startOf(method, target, host);
  return startText(method, target, host);
}

/** Whether the lines after the start line depend on more than `written.knows` compares: received lines, edits of middleware, peer, scheme, `via`. */
function requestDependsOnMore({ request, facts, upgrade }: ForwardedRequest, edits: RequestEdits): boolean {
  if (facts.trusted || upgrade !== "" || request.hostReplaced || request.version === "1.0") return true;
  if (edits.bodyLength !== null || facts.certificateLines !== "") return true;
  return (request.present & bit(Known.maxForwards)) !== 0;
}

function requestLines(exchange: ForwardedRequest, edits: RequestEdits, added: AddedFields, endpoint: ForwardedTo): string {
  const { request, connection, facts } = exchange;
  let dropped = REQUEST_DROPPED | (facts.trusted && facts.forwarded === null ? rewritten(request) : UNTRUSTED_DROPPED);
  if (!endpoint.xForwarded) dropped |= SAID_OF_CLIENTS;
  if (facts.unsafeFieldNames === "forward") dropped &= ~bit(Known.unsafeName);
  if (facts.forwardedPathFields === "forward") dropped &= ~bit(Known.forwardedPath);
  dropped |= edits.removal.known;
  let removed = edits.removal.others;
  if (connection.named.length > 0) removed = removed.concat(connection.named);
  let extra = edits.steady;

  if (edits.bodyLength !== null) {
    dropped |= FRAMING;
    // RFC 9110 section 8.6: no Content-Length for an empty body where the method does not expect one.
    const method = edits.method ?? request.method;
    if (edits.bodyLength !== 0 || (method !== "GET" && method !== "HEAD")) extra += framingLine(edits.bodyLength);
  }
  if (request.version === "1.0") dropped |= bit(Known.expect);
  if (asksForTooManyRanges(request)) dropped |= bit(Known.range);
  const forwards = (request.present & bit(Known.maxForwards)) === 0 ? null : maxForwards(request);
  if (forwards !== null) {
    dropped |= bit(Known.maxForwards);
    extra += `Max-Forwards: ${forwards - 1}\r\n`;
  }
  // RFC 9112 section 3.2.2: the authority of an absolute-form target replaces Host.
  let host = "";
  if (request.hostReplaced || edits.authority !== null) {
    dropped |= bit(Known.host);
    if (edits.authority === null) host = `Host: ${request.authority === "" ? endpoint.authority : request.authority}\r\n`;
  }
  if (facts.certificateLines !== "" && (endpoint.xForwarded || exchange.isBackground))
    extra += withoutRemoved(facts.certificateLines, edits.removal.names);
  if (exchange.upgrade !== "") extra += `Connection: Upgrade\r\nUpgrade: ${exchange.upgrade}\r\n`;
  else if (connection.te && acceptsTrailers(exchange)) extra += "Connection: TE\r\nTE: trailers\r\n";

  const end = endpoint.via && !exchange.isBackground ? VIA_ENDS[request.version] : "\r\n";
  return `${host}${keptText(request, dropped, removed)}${extra}${endpoint.xForwarded ? forwarded(exchange, added) : ""}${end}`;
}

/** Bits of the fields in which trusted proxies name the client. */
const SAID_OF_CLIENTS = bit(Known.forwarded) | bit(Known.xForwardedFor) | bit(Known.xForwardedProto) | bit(Known.xForwardedHost);

/** The end of a head by the client's HTTP version: the Via line (RFC 9110 section 7.6.3), then the empty line. */
const VIA_ENDS: Readonly<Record<HttpVersion, string>> = {
  "1.0": `Via: 1.0 ${PSEUDONYM}\r\n\r\n`,
  "1.1": `Via: 1.1 ${PSEUDONYM}\r\n\r\n`,
  "2": `Via: 2 ${PSEUDONYM}\r\n\r\n`,
  "3": `Via: 3 ${PSEUDONYM}\r\n\r\n`,
};

function acceptsTrailers(exchange: ForwardedRequest): boolean {
  return exchange.request.version !== "1.0" && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(exchange.request.knownValue(Known.te) ?? "");
}

/** The lines without those of the names in `removed` (lower case). */
function withoutRemoved(lines: string, removed: readonly string[]): string {
  if (removed.length === 0) return lines;
  const kept = lines.split(/(?<=\r\n)/).filter((line) => !removed.includes(line.slice(0, line.indexOf(":")).toLowerCase()));
  return kept.join("");
}

/** The forwarding field lines that name the client; empty for a request of the proxy's own. */
function forwarded(exchange: ForwardedRequest, added: AddedFields): string {
  const { peer, secure, trusted } = exchange.facts;
  if (exchange.isBackground) return "";
  return trusted ? forwardedFurther(exchange) : added.forUntrusted(peer, exchange.request.authority, secure);
}

/**
 * Bits of the received fields to drop for a trusted proxy that writes X-Forwarded-For, because new ones are written. X-Forwarded-Proto and
 * X-Forwarded-Host stay if they are well formed. Forwarded goes: such a proxy does not write it, so its client may have forged it.
 */
function rewritten(request: RequestHead): number {
  let bits = bit(Known.xForwardedFor) | bit(Known.forwarded);
  if (!isProto(onlyValue(request, Known.xForwardedProto))) bits |= bit(Known.xForwardedProto);
  if (!isHost(onlyValue(request, Known.xForwardedHost))) bits |= bit(Known.xForwardedHost);
  return bits;
}

/**
 * The forwarding fields of a request that a trusted proxy has sent: the address of that proxy is appended to the list, and scheme and host are
 * added if the ones that it sent are missing or malformed.
 */
function forwardedFurther({ request, facts }: ForwardedRequest): string {
  const { peer, secure, forwarded: believed } = facts;
  const proto = secure ? "https" : "http";
  const host = request.authority;
  if (believed === null) {
    const before = request.knownValues(Known.xForwardedFor).join(", ");
    let text = `X-Forwarded-For: ${before === "" ? peer : `${before}, ${peer}`}\r\n`;
    if (!isProto(onlyValue(request, Known.xForwardedProto))) text += `X-Forwarded-Proto: ${proto}\r\n`;
    if (!isHost(onlyValue(request, Known.xForwardedHost)) && host !== "") text += `X-Forwarded-Host: ${host}\r\n`;
    return text;
  }
  const { elements, ofClient: said } = believed;
  const list = [...(elements.length === 0 ? [] : request.knownValues(Known.forwarded)), forwardedElement(peer, host, proto)].join(", ");
  const addresses = elements.map((element) => addressOfEntry(element.for ?? "") ?? "unknown");
  const saidHost = isHost(said?.host) ? said?.host : host;
  return (
    `Forwarded: ${list}\r\nX-Forwarded-For: ${[...addresses, peer].join(", ")}\r\n` +
    `X-Forwarded-Proto: ${isProto(said?.proto) ? said?.proto : proto}\r\n${saidHost === "" ? "" : `X-Forwarded-Host: ${saidHost}\r\n`}`
  );
}

/** The value of a field that has exactly one line; else undefined, because with two lines nobody knows which one the origin would take. */
function onlyValue(request: RequestHead, id: KnownId): string | undefined {
  const values = request.knownValues(id);
  return values.length === 1 ? values[0] : undefined;
}

function isProto(text: string | undefined): boolean {
  return text !== undefined && PROTOCOLS.test(text);
}

function isHost(text: string | undefined): boolean {
  // No real chain of proxies makes a longer list.
  return text !== undefined && text.length <= HOSTS_MAX && text.split(",").every((each) => isAuthority(trimOws(each)));
}

const HOSTS_MAX = 1024;
const PROTOCOLS = /^(?:https?|wss?)(?:[ \t]*,[ \t]*(?:https?|wss?))*$/i;
