import type { Fault } from "../../../http1/faults.ts";
import { answer } from "../../../proxy/exchange/answers.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";

/** The answer to a request that the codec refused. */
export function refusal(fault: Fault): LocalAnswer {
  // RFC 9209 section 2.3: what is malformed is the client's fault; for a head that is too large there is no error type.
  return fault.status === 400
    ? answer(400, fault.code, fault.detail, [], "http_request_error")
    : answer(fault.status, fault.code, fault.detail);
}
