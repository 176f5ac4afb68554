/** The head of a forwarded request as HTTP/1.1 text (docs/forwarding.md). */
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
import { asksForTooManyRanges } from "../../http/ranges.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { Http1RequestHead } from "../../http1/http1-request-head.ts";
import { PSEUDONYM, nextMaxForwards } from "../../proxy/exchange/forwarding.ts";
import type { OutgoingRequest } from "../../proxy/ports/outgoing-request.ts";

/** What the head that goes upstream is made from. */
export type ForwardedRequest = Omit<OutgoingRequest, "bodyLength" | "awaitsContinue">;

/** What the writer needs to know of the endpoint. */
export interface ForwardedTo {
  /** Value of Host for a request that brought none. */
  readonly authority: string;
  /** Whether the proxy names itself in Via. */
  readonly via: boolean;
}

/** The text of the added fields, and what it was made from. From one request of a connection to the next it hardly ever differs. */
export class AddedFields {
  private peer: string = "";
  private authority: string = "";
  private secure: boolean = false;
  private text: string = "";

  forUntrusted(peer: string, authority: string, secure: boolean): string {
    if (peer !== this.peer || authority !== this.authority || secure !== this.secure) {
      this.peer = peer;
      this.authority = authority;
      this.secure = secure;
      this.text =
        `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: ${secure ? "https" : "http"}\r\n` +
        (authority === "" ? "" : `X-Forwarded-Host: ${authority}\r\n`);
    }
    return this.text;
  }
}

/** Start line, kept fields, added fields and the empty line. The text comes from the memo of heads that were written before, where it may. */
export function requestHeadText(exchange: ForwardedRequest, edits: RequestEdits, added: AddedFields, endpoint: ForwardedTo): string {
  const { request, peer } = exchange;
  const isHttp1 = request instanceof Http1RequestHead;
  const asReceived = isHttp1 && request.startLineReusable && edits.method === null && edits.target === null;
  const start = asReceived ? request.startLine : `${edits.method ?? request.method} ${edits.target ?? request.forwardTarget} HTTP/1.1\r\n`;
  if (!isHttp1 || requestDependsOnMore(exchange, edits)) return start + requestLines(exchange, edits, added, endpoint);
  const { written } = request;
  const circumstances = (exchange.secure ? 1 : 0) | (exchange.unsafeFieldNames === "forward" ? 2 : 0) | (endpoint.via ? 4 : 0);
  if (written.knows(request.edition, edits, circumstances, peer)) return written.withStart(start);
  const lines = requestLines(exchange, edits, added, endpoint);
  written.keep(lines);
  return start + lines;
}

/** Whether the text depends on more than the memo compares: received lines, edits of middleware, peer, scheme, `via`. */
function requestDependsOnMore({ request, peerTrusted, upgrade }: ForwardedRequest, edits: RequestEdits): boolean {
  if (peerTrusted || upgrade || request.hostReplaced || request.version === "1.0") return true;
  if (edits.bodyLength !== null || edits.authority !== null) return true;
  return (request.present & bit(Known.maxForwards)) !== 0;
}

function requestLines(exchange: ForwardedRequest, edits: RequestEdits, added: AddedFields, endpoint: ForwardedTo): string {
  const { request, connection } = exchange;
  let dropped = REQUEST_DROPPED | (exchange.peerTrusted && exchange.forwarded === null ? rewritten(request) : UNTRUSTED_DROPPED);
  if (exchange.unsafeFieldNames === "forward") dropped &= ~bit(Known.unsafeName);
  dropped |= edits.removal.known;
  let removed = edits.removal.others;
  if (connection.named.length > 0) removed = removed.concat(connection.named);
  let extra = edits.added;

  if (edits.bodyLength !== null) {
    dropped |= FRAMING;
    // RFC 9110 section 8.6: not where nobody expects a body.
    const method = edits.method ?? request.method;
    if (edits.bodyLength !== 0 || (method !== "GET" && method !== "HEAD")) extra += framingLine(edits.bodyLength);
  }
  if (request.version === "1.0") dropped |= bit(Known.expect);
  if (asksForTooManyRanges(request)) dropped |= bit(Known.range);
  const maxForwards = (request.present & bit(Known.maxForwards)) === 0 ? null : nextMaxForwards(request);
  if (maxForwards !== null) {
    dropped |= bit(Known.maxForwards);
    extra += `Max-Forwards: ${maxForwards}\r\n`;
  }
  // RFC 9112 section 3.2.2: with an absolute-form target the target's authority is the Host.
  let host = "";
  if (request.hostReplaced || edits.authority !== null) {
    dropped |= bit(Known.host);
    host = `Host: ${edits.authority ?? (request.authority === "" ? endpoint.authority : request.authority)}\r\n`;
  }
  if (exchange.upgrade) extra += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (connection.te && acceptsTrailers(exchange)) extra += "Connection: TE\r\nTE: trailers\r\n";

  const end = endpoint.via && exchange.peer !== "" ? VIA_ENDS[request.version] : "\r\n";
  return `${host}${keptText(request, dropped, removed)}${extra}${forwarded(exchange, added)}${end}`;
}

/** Via is the last line of a head: the version that the client speaks and our name (RFC 9110 section 7.6.3), then the empty line. */
const VIA_ENDS: Readonly<Record<HttpVersion, string>> = {
  "1.0": `Via: 1.0 ${PSEUDONYM}\r\n\r\n`,
  "1.1": `Via: 1.1 ${PSEUDONYM}\r\n\r\n`,
  "2": `Via: 2 ${PSEUDONYM}\r\n\r\n`,
  "3": `Via: 3 ${PSEUDONYM}\r\n\r\n`,
};

function acceptsTrailers(exchange: ForwardedRequest): boolean {
  return exchange.request.version !== "1.0" && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(exchange.request.knownValue(Known.te) ?? "");
}

/** The fields that say who speaks. */
function forwarded(exchange: ForwardedRequest, added: AddedFields): string {
  const { request, peer, secure } = exchange;
  if (peer === "") return "";
  return exchange.peerTrusted ? forwardedFurther(exchange) : added.forUntrusted(peer, request.authority, secure);
}

/**
 * Of a trusted proxy that writes X-Forwarded-For: that field is appended to, its others stay where they are well formed. Forwarded is not
 * its own, it passes on what its client wrote.
 */
function rewritten(request: RequestHead): number {
  let bits = bit(Known.xForwardedFor) | bit(Known.forwarded);
  if (!isProto(onlyValue(request, Known.xForwardedProto))) bits |= bit(Known.xForwardedProto);
  if (!isHost(onlyValue(request, Known.xForwardedHost))) bits |= bit(Known.xForwardedHost);
  return bits;
}

/** For a trusted proxy as the peer: its address is appended, and what it did not say, or not well-formed, is said. */
function forwardedFurther({ request, peer, secure, forwarded: believed }: ForwardedRequest): string {
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

/** Of two lines nobody knows which one the origin would take. */
function onlyValue(request: RequestHead, id: KnownId): string | undefined {
  const values = request.knownValues(id);
  return values.length === 1 ? values[0] : undefined;
}

function isProto(text: string | undefined): boolean {
  return text !== undefined && PROTOCOLS.test(text);
}

function isHost(text: string | undefined): boolean {
  // A list as long as a head could be is nobody's chain of proxies.
  return text !== undefined && text.length <= HOSTS_MAX && text.split(",").every((each) => isAuthority(trimOws(each)));
}

const HOSTS_MAX = 1024;
const PROTOCOLS = /^(?:https?|wss?)(?:[ \t]*,[ \t]*(?:https?|wss?))*$/i;
