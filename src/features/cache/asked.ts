/** What a request says that matters to a cache, found in one pass over its lines. */
import type { FieldSection } from "../../http/field-section.ts";
import type { RequestHead } from "../../http/request-head.ts";

/** Bits of {@link askedBits}. */
export const Asked = {
  /** Cache-Control or Pragma. */
  directives: 1,
  /** Conditions on the state of the origin, which no store knows (RFC 9111 section 4.3.2): If-Match, If-Unmodified-Since. */
  forOrigin: 2,
  /** If-None-Match, If-Modified-Since. */
  conditions: 4,
  range: 8,
  upgrade: 16,
  body: 32,
  authorization: 64,
  /** The method that some frameworks act by instead of the one of the request line: X-HTTP-Method-Override and its kin. */
  otherMethod: 128,
  /** The host that some frameworks believe instead of Host, which only a trusted proxy may say: X-Forwarded-Server, X-Host and their kin. */
  otherHost: 256,
} as const;

export function askedBits(request: RequestHead): number {
  let bits = 0;
  for (let index = 0; index < request.count; index++) {
    switch (request.nameEnd(index) - request.nameStart(index)) {
      case 5:
        if (request.isNamed(index, "range")) bits |= Asked.range;
        break;
      case 6:
        if (request.isNamed(index, "pragma")) bits |= Asked.directives;
        else if (request.isNamed(index, "x-host")) bits |= Asked.otherHost;
        break;
      case 7:
        if (request.isNamed(index, "upgrade")) bits |= Asked.upgrade;
        break;
      case 8:
        if (request.isNamed(index, "if-match")) bits |= Asked.forOrigin;
        break;
      case 13:
        bits |= bitOf13(request, index);
        break;
      case 14:
        if (request.isNamed(index, "content-length") && !/^0+$/.test(request.value(index))) bits |= Asked.body;
        break;
      case 17:
        if (request.isNamed(index, "if-modified-since")) bits |= Asked.conditions;
        else if (request.isNamed(index, "transfer-encoding")) bits |= Asked.body;
        else if (request.isNamed(index, "x-method-override")) bits |= Asked.otherMethod;
        break;
      case 15:
        if (request.isNamed(index, "x-original-host") || request.isNamed(index, "x-forwarded-ssl")) bits |= Asked.otherHost;
        break;
      case 18:
        if (request.isNamed(index, "x-forwarded-server") || request.isNamed(index, "x-forwarded-scheme")) bits |= Asked.otherHost;
        break;
      case 20:
        if (request.isNamed(index, "x-http-host-override")) bits |= Asked.otherHost;
        break;
      case 22:
        if (request.isNamed(index, "x-http-method-override")) bits |= Asked.otherMethod;
        break;
      case 19:
        if (request.isNamed(index, "if-unmodified-since")) bits |= Asked.forOrigin;
        break;
    }
  }
  return bits;
}

function bitOf13(request: FieldSection, index: number): number {
  if (request.isNamed(index, "if-none-match")) return Asked.conditions;
  if (request.isNamed(index, "cache-control")) return Asked.directives;
  if (request.isNamed(index, "x-http-method")) return Asked.otherMethod;
  return request.isNamed(index, "authorization") ? Asked.authorization : 0;
}
