import type { Fault } from "../../../http1/faults.ts";
import { answer, ending, malformed } from "../../../proxy/exchange/answers.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";

/** The proxy's own answer to a request that the parser refused with `fault`. */
export function refusal(fault: Fault): LocalAnswer {
  // RFC 9209 section 2.3 has an error type for a malformed request, but none for a head that is too large.
  return fault.status === 400 ? malformed(fault.code, fault.detail) : ending(answer(fault.status, fault.code, fault.detail));
}
