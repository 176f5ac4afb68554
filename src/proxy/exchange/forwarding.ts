/** Decides by method and fields whether a request may be forwarded at all. This comes before a route is looked for. */
import type { UnsafeFieldNames } from "../../config/schema/listener-schema.ts";
import { isAuthority } from "../../http/authority.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import { Known, bit } from "../../http/known-fields.ts";
import { maxForwards } from "../../http/max-forwards.ts";
import type { RequestHead } from "../../http/request-head.ts";
import * as answers from "./answers.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ClientFacts } from "../ports/client-facts.ts";

/** The proxy's name in the fields Via and Proxy-Status. */
export const PSEUDONYM = "millrace";

/** How often a request may have passed proxies with this name. More is a loop. */
const PASSES_MAX = 10;
/** A member of Via that a proxy with this name wrote: protocol, name, perhaps a comment. */
const OWN_PASS = new RegExp(`^\\s*\\S+\\s+${PSEUDONYM}(?:\\s|$)`, "i");

const UNSAFE = bit(Known.unsafeName) | bit(Known.foldedName);
/** A request without any of these fields needs no `admitFields`. */
const UNUSUAL = bit(Known.expect) | bit(Known.authorization) | bit(Known.maxForwards) | bit(Known.via);

/**
 * How the client sent the request: as its connection to this proxy says, or as a trusted proxy tells it, in the field that is believed. Where
 * several values stand in it, the first is the client's.
 */
export function schemeOf(request: RequestHead, { secure, trusted, forwarded }: ClientFacts): "http" | "https" {
  const told = forwarded?.ofClient?.proto ?? (trusted ? request.knownValue(Known.xForwardedProto) : undefined);
  const first = told?.split(",", 1)[0]?.trim().toLowerCase();
  if (first === "https" || first === "wss") return "https";
  return first === "http" || first === "ws" ? "http" : secure ? "https" : "http";
}

/** Host and port that the client asked for, as `schemeOf` finds the scheme. */
export function authorityOf(request: RequestHead, { trusted, forwarded }: ClientFacts): string {
  const told = forwarded?.ofClient?.host ?? (trusted ? request.knownValue(Known.xForwardedHost) : undefined);
  const first = told?.split(",", 1)[0]?.trim() ?? "";
  return first !== "" && isAuthority(first) ? first : request.authority;
}

/** Returns the answer that refuses the request, or null: it may be forwarded. */
export function admitRequest(request: RequestHead, connection: ConnectionOptions, unsafeFieldNames: UnsafeFieldNames): LocalAnswer | null {
  const { method, present } = request;
  if (method !== "GET" && (method === "TRACE" || method === "CONNECT")) return answers.METHOD_REFUSED;
  if (connection.namesNeeded) return answers.CONNECTION_NAMES_NEEDED;
  if ((present & UNSAFE) !== 0 && unsafeFieldNames === "refuse") return answers.UNSAFE_FIELD_NAME;
  return (present & UNUSUAL) === 0 ? null : admitFields(request);
}

/** Checks Expect (RFC 9110 section 10.1.1), Authorization (11.6.2), Max-Forwards (7.6.2) and Via (7.6.3, for loops). */
function admitFields(request: RequestHead): LocalAnswer | null {
  if (request.understandsInterim) {
    for (const expect of request.knownValues(Known.expect)) if (expect.toLowerCase() !== "100-continue") return answers.EXPECTATION_FAILED;
  }
  // There may only be one such field. Given two, the proxy might check one and the origin server believe the other.
  if (request.knownValues(Known.authorization).length > 1) return answers.CREDENTIALS_TWICE;
  if (maxForwards(request) === 0) return answers.OPTIONS_HERE;
  let passes = 0;
  for (const value of request.knownValues(Known.via)) {
    for (const member of value.split(",")) if (OWN_PASS.test(member)) passes++;
  }
  return passes > PASSES_MAX ? answers.LOOP_DETECTED : null;
}
