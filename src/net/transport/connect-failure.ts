import type { FailureKind } from "../../proxy/exchange/failure.ts";

/** The kind of failure for the error code of a failed connect. */
export function connectFailure(code: string): FailureKind {
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "connection_refused";
    // These three come from the lookup of the endpoint's name, see shared/name-table.ts.
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "dns_error";
    case "ETIMEOUT":
      return "dns_timeout";
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

/** Node's error codes for TLS, and OpenSSL's names for why a certificate is not accepted (X509_STORE_CTX_get_error(3)). */
const TLS_CODE =
  /^ERR_(?:TLS|SSL|OSSL)|CERT|CRL|^UNABLE_TO_|^(?:EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/;
