/** What can go wrong between the proxy and an origin. Errors on the data path are values. */
import { CounterId } from "../shared/metric-table.ts";
import type { LocalAnswer } from "./middleware.ts";

export type FailureKind =
  | "connection_refused"
  | "destination_unroutable"
  | "dns_error"
  | "connection_timeout"
  | "tls_error"
  | "connection_limit"
  | "connection_terminated"
  | "response_timeout"
  | "malformed_response"
  | "write_timeout";

interface Meaning {
  readonly status: number;
  /** RFC 9209 section 2.3. */
  readonly proxyStatus: string;
  readonly detail: string;
}

export const FAILURES: Readonly<Record<FailureKind, Meaning>> = {
  connection_refused: { status: 502, proxyStatus: "connection_refused", detail: "The origin refused the connection." },
  destination_unroutable: { status: 502, proxyStatus: "destination_ip_unroutable", detail: "The origin cannot be reached." },
  dns_error: { status: 502, proxyStatus: "dns_error", detail: "The origin's name could not be resolved." },
  connection_timeout: { status: 504, proxyStatus: "connection_timeout", detail: "The origin did not accept the connection in time." },
  tls_error: { status: 502, proxyStatus: "tls_protocol_error", detail: "The origin could not be trusted or did not speak TLS." },
  connection_limit: { status: 503, proxyStatus: "connection_limit_reached", detail: "The proxy has no connection to spare." },
  connection_terminated: {
    status: 502,
    proxyStatus: "connection_terminated",
    detail: "The origin closed the connection before it answered.",
  },
  response_timeout: { status: 504, proxyStatus: "http_response_timeout", detail: "The origin did not answer in time." },
  malformed_response: { status: 502, proxyStatus: "http_protocol_error", detail: "The origin's answer was malformed." },
  write_timeout: { status: 504, proxyStatus: "http_response_timeout", detail: "The origin did not take the request in time." },
};

/** The answer when an exchange ends for that failure before a response head went out. */
export function failureAnswer(kind: FailureKind): LocalAnswer {
  const { status, proxyStatus, detail } = FAILURES[kind];
  return { status, reason: kind, detail, fields: [], proxyStatus };
}

/** What counts a failed attempt: the endpoint was too slow, or failed otherwise; null: it was not the endpoint's fault. */
export function failureCounter(kind: FailureKind): CounterId | null {
  switch (kind) {
    case "connection_timeout":
    case "response_timeout":
    case "write_timeout":
      return CounterId.upstream_timeouts;
    case "connection_limit":
      return null;
    default:
      return CounterId.origin_failures;
  }
}

/** Nothing was sent to the origin: the request may go elsewhere whatever its method. */
export function isConnectFailure(kind: FailureKind): boolean {
  switch (kind) {
    case "connection_refused":
    case "destination_unroutable":
    case "dns_error":
    case "connection_timeout":
    case "tls_error":
    case "connection_limit":
      return true;
    default:
      return false;
  }
}

/** The kind of a failed connect, from the system's error code. */
export function connectFailure(code: string): FailureKind {
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "connection_refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_FAIL":
    case "EAI_NODATA":
    case "EAI_NONAME":
      return "dns_error";
    case "ETIMEDOUT":
      return "connection_timeout";
    case "ECONNRESET":
    case "EPIPE":
      return "connection_terminated";
    case "EMFILE":
    case "ENFILE":
    case "EADDRNOTAVAIL":
    case "ENOBUFS":
      return "connection_limit";
    default:
      return TLS_CODE.test(code) ? "tls_error" : "destination_unroutable";
  }
}

/** Node's own codes, and the names of OpenSSL's results of verifying a certificate (X509_STORE_CTX_get_error(3)). */
const TLS_CODE = /^ERR_(?:TLS|SSL)|CERT|CRL|^UNABLE_TO_|^(?:EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/;
