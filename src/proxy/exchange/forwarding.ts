/** Fields that decide whether a request is forwarded at all, and the ones that the proxy adds to it. */
import type { UnsafeFieldNames } from "../../config/listener-schema.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import * as answers from "./answers.ts";
import type { LocalAnswer } from "../local-answer.ts";

/** The name by which the proxy goes in Via and Proxy-Status. */
export const PSEUDONYM = "millrace";

/** How often a request may pass proxies of this name before it is taken for a loop. */
const PASSES_MAX = 10;
/** A member of Via that is one of ours: protocol, pseudonym, perhaps a comment. */
const OWN_PASS = new RegExp(`^\\s*\\S+\\s+${PSEUDONYM}(?:\\s|$)`, "i");

const UNSAFE = bit(Known.unsafeName) | bit(Known.foldedName);
/** Fields that `admitFields` must look at. */
const UNUSUAL = bit(Known.expect) | bit(Known.authorization) | bit(Known.maxForwards) | bit(Known.via);

/** What a request is answered before a route is looked for; null: go on. */
export function admitRequest(request: RequestHead, connection: ConnectionOptions, unsafeFieldNames: UnsafeFieldNames): LocalAnswer | null {
  const { method, present } = request;
  if (method !== "GET" && (method === "TRACE" || method === "CONNECT")) return answers.METHOD_REFUSED;
  if (connection.namesNeeded) return answers.CONNECTION_NAMES_NEEDED;
  if ((present & UNSAFE) !== 0 && unsafeFieldNames === "refuse") return answers.UNSAFE_FIELD_NAME;
  return (present & UNUSUAL) === 0 ? null : admitFields(request);
}

/** RFC 9110 sections 10.1.1 (Expect), 7.6.2 (Max-Forwards) and 7.6.3 (Via, for loops). null: go on. */
function admitFields(request: RequestHead): LocalAnswer | null {
  if (request.understandsInterim) {
    for (const expect of request.knownValues(Known.expect)) if (expect.toLowerCase() !== "100-continue") return answers.EXPECTATION_FAILED;
  }
  // Credentials are one field (RFC 9110 section 11.6.2); of two, the proxy and the origin may each take another.
  if (request.knownValues(Known.authorization).length > 1) return answers.CREDENTIALS_TWICE;
  if (maxForwards(request) === 0) return answers.OPTIONS_HERE;
  let passes = 0;
  for (const value of request.knownValues(Known.via)) {
    for (const member of value.split(",")) if (OWN_PASS.test(member)) passes++;
  }
  return passes > PASSES_MAX ? answers.LOOP_DETECTED : null;
}

/** `Max-Forwards` one lower, for OPTIONS; null where it is passed on as it is. */
export function nextMaxForwards(request: RequestHead): string | null {
  const given = maxForwards(request);
  return given === null ? null : String(given - 1);
}

/** How many times an OPTIONS request may still be forwarded; null: it does not say, or not in digits. */
function maxForwards(request: RequestHead): number | null {
  if (request.method !== "OPTIONS") return null;
  const value = request.knownValue(Known.maxForwards);
  return value !== undefined && /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}
