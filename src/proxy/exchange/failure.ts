/**
 * The ways in which an attempt at an endpoint can fail, and what each means: answer to the client, retry, counter. Failures are values;
 * nothing on the data path throws them.
 */
import type { AttemptFailure } from "../../policy/retry/may-retry.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { LocalAnswer } from "../local-answer.ts";

/** What failed: the connection to the endpoint, or the exchange over it. docs/observability.md says what each means. */
export type FailureKind =
  | "connection_refused"
  | "destination_unroutable"
  | "dns_error"
  | "dns_timeout"
  | "connection_timeout"
  | "certificate_error"
  | "tls_error"
  | "connection_limit"
  | "connection_terminated"
  | "response_timeout"
  | "malformed_response"
  | "write_timeout";

/** Why an attempt at an endpoint failed. */
export interface Failure {
  /** What failed. */
  readonly kind: FailureKind;
  /** The connection came from the pool: it had served an exchange before. */
  readonly reused: boolean;
  /** At least one byte of the response was received. */
  readonly answered: boolean;
  /** At least one byte of the request was written to the connection. */
  readonly sent: boolean;
}

interface Meaning {
  /** Status of the answer to the client. */
  readonly status: number;
  /** Error type for Proxy-Status (RFC 9209 section 2.3). */
  readonly proxyStatus: string;
  readonly detail: string;
  /** The kind of failure as the retry policy sees it. */
  readonly attempt: AttemptFailure;
  /** The counter for this failure: the endpoint was too slow, or failed otherwise. Null: the failure is not the endpoint's fault. */
  readonly counter: CounterId | null;
}

const FAILED = CounterId.origin_failures;
const TOO_SLOW = CounterId.upstream_timeouts;

export const FAILURES: Readonly<Record<FailureKind, Meaning>> = {
  connection_refused: meaning(502, "connection_refused", "The origin refused the connection.", "connect", FAILED),
  destination_unroutable: meaning(502, "destination_ip_unroutable", "The origin cannot be reached.", "connect", FAILED),
  dns_error: meaning(502, "dns_error", "The origin's name could not be resolved.", "connect", FAILED),
  dns_timeout: meaning(504, "dns_timeout", "The origin's name was not resolved in time.", "connect", TOO_SLOW),
  connection_timeout: meaning(504, "connection_timeout", "The origin did not accept the connection in time.", "connect", TOO_SLOW),
  certificate_error: meaning(502, "tls_certificate_error", "The origin's certificate was not trusted.", "connect", FAILED),
  tls_error: meaning(502, "tls_protocol_error", "The origin did not speak TLS as it should.", "connect", FAILED),
  connection_limit: meaning(503, "connection_limit_reached", "The proxy has no connection to spare.", "connect", null),
  connection_terminated: meaning(
    502,
    "connection_terminated",
    "The origin closed the connection before it answered.",
    "connection_lost",
    FAILED,
  ),
  response_timeout: meaning(504, "http_response_timeout", "The origin did not answer in time.", "timeout", TOO_SLOW),
  malformed_response: meaning(502, "http_protocol_error", "The origin's answer was malformed.", "malformed_response", FAILED),
  write_timeout: meaning(504, "connection_write_timeout", "The origin did not take the request in time.", "timeout", TOO_SLOW),
};

function meaning(status: number, proxyStatus: string, detail: string, attempt: AttemptFailure, counter: CounterId | null): Meaning {
  return { status, proxyStatus, detail, attempt, counter };
}

/** The answer to the client when the last attempt failed in this way and no response has begun. */
export function failureAnswer(kind: FailureKind): LocalAnswer {
  const { status, proxyStatus, detail } = FAILURES[kind];
  return { status, reason: kind, detail, fields: [], proxyStatus };
}
