/** Why handshakes fail, for the counters: by the codes of OpenSSL and of the system. */
import type { HandshakeFailure } from "../../shared/handshake-failure.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { NO_CERTIFICATE } from "./client-refusal.ts";

/** The counter of handshakes that failed for that reason. */
export function failureCounter(reason: HandshakeFailure): CounterId {
  return CounterId[`tls_failed_${reason}`];
}

/** What the client and the listener need in common: a version, a cipher suite, a group, a signature algorithm, a protocol. */
const NOTHING_IN_COMMON =
  /NO_SHARED_|NO_SUITABLE_|NO_PROTOCOLS_AVAILABLE|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|INAPPROPRIATE_FALLBACK|NO_APPLICATION_PROTOCOL|WRONG_SIGNATURE_TYPE|NO_CIPHERS/;
const CONNECTION_LOST: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT"]);

/** @param code OpenSSL's or the system's name of the fault */
export function handshakeFailure(code: string): HandshakeFailure {
  if (code === NO_CERTIFICATE) return "refused_certificate";
  if (CONNECTION_LOST.has(code)) return "client_left";
  // The client has sent an alert: it does not trust the certificate, or wants something else.
  if (code.includes("_ALERT_")) return "refused_by_client";
  return NOTHING_IN_COMMON.test(code) ? "no_common_parameters" : "other";
}
