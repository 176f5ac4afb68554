/** The head of a forwarded request as HTTP/1.1 text (design, section 8). */
import type { FieldEdits } from "../http/field-edits.ts";
import { REQUEST_DROPPED, UNTRUSTED_DROPPED, keptText } from "../http/forward-fields.ts";
import { Known, bit } from "../http/known-fields.ts";
import type { ConnectionOptions } from "../http/connection-options.ts";
import type { RequestHead } from "../http/request-head.ts";
import { PSEUDONYM, nextMaxForwards } from "../proxy/forwarding.ts";

/** What the head that goes upstream is made from; an Exchange is one. */
export interface ForwardedRequest {
  readonly request: RequestHead;
  readonly connection: ConnectionOptions;
  /** Address of the connection's other end, without port. */
  readonly peer: string;
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  readonly upgrade: boolean;
}

/** What the added fields depend on, and their text: hardly ever different from one request of a connection to the next. */
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
        `${authority === "" ? "" : `X-Forwarded-Host: ${authority}\r\n`}Via: 1.1 ${PSEUDONYM}\r\n`;
    }
    return this.text;
  }
}

/** Start line, kept fields, added fields and the empty line. `endpointAuthority` is the Host of a request that has none. */
export function requestHeadText(exchange: ForwardedRequest, edits: FieldEdits, added: AddedFields, endpointAuthority: string): string {
  const { request, connection } = exchange;
  let dropped = exchange.peerTrusted ? REQUEST_DROPPED | bit(Known.xForwardedFor) : REQUEST_DROPPED | UNTRUSTED_DROPPED;
  let removed: readonly string[] = edits.removed;
  if (connection.named.length > 0) removed = removed.concat(connection.named);
  let extra = edits.added;

  if (request.minor === 0) dropped |= bit(Known.expect);
  const maxForwards = (request.present & bit(Known.maxForwards)) === 0 ? null : nextMaxForwards(request);
  if (maxForwards !== null) {
    dropped |= bit(Known.maxForwards);
    extra += `Max-Forwards: ${maxForwards}\r\n`;
  }
  // RFC 9112 section 3.2.2: with an absolute-form target the target's authority is the Host.
  let host = "";
  if (request.authority !== request.knownValue(Known.host)) {
    dropped |= bit(Known.host);
    host = `Host: ${request.authority === "" ? endpointAuthority : request.authority}\r\n`;
  }
  if (exchange.upgrade) extra += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  else if (connection.te && acceptsTrailers(exchange)) extra += "Connection: TE\r\nTE: trailers\r\n";

  const start = request.startLineReusable ? "" : `${request.method} ${request.forwardTarget} HTTP/1.1\r\n`;
  const kept = keptText(request, request.startLineReusable ? 0 : request.fieldsStart, request.fieldsEnd, dropped, removed);
  return `${start}${host === "" ? kept : start === "" ? insertHost(kept, request.fieldsStart, host) : host + kept}${extra}${forwarded(exchange, added)}\r\n`;
}

function insertHost(kept: string, fieldsStart: number, host: string): string {
  return kept.slice(0, fieldsStart) + host + kept.slice(fieldsStart);
}

function acceptsTrailers(exchange: ForwardedRequest): boolean {
  return exchange.request.minor === 1 && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(exchange.request.knownValue(Known.te) ?? "");
}

function forwarded(exchange: ForwardedRequest, added: AddedFields): string {
  const { request } = exchange;
  // Received protocol version, RFC 9110 section 7.6.3.
  if (request.minor === 1 && !exchange.peerTrusted) return added.forUntrusted(exchange.peer, request.authority, exchange.secure);
  let text = "";
  if (exchange.peerTrusted) {
    const before = request.knownValues(Known.xForwardedFor).join(", ");
    text += `X-Forwarded-For: ${before === "" ? "" : `${before}, `}${exchange.peer}\r\n`;
    if ((request.present & bit(Known.xForwardedProto)) === 0) text += `X-Forwarded-Proto: ${exchange.secure ? "https" : "http"}\r\n`;
    if ((request.present & bit(Known.xForwardedHost)) === 0 && request.authority !== "")
      text += `X-Forwarded-Host: ${request.authority}\r\n`;
    return `${text}Via: 1.${request.minor} ${PSEUDONYM}\r\n`;
  }
  return added.forUntrusted(exchange.peer, request.authority, exchange.secure).replace("Via: 1.1 ", "Via: 1.0 ");
}
