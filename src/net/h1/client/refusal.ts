import type { Fault } from "../../../http1/faults.ts";
import { answer } from "../../../proxy/exchange/answers.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";

/** The proxy's own answer to a request that the parser refused with `fault`. */
export function refusal(fault: Fault): LocalAnswer {
  // RFC 9209 section 2.3 has an error type for a malformed request, but none for a head that is too large.
  return fault.status === 400
    ? answer(400, fault.code, fault.detail, [], "http_request_error")
    : answer(fault.status, fault.code, fault.detail);
}
