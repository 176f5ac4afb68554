import type { FailureKind } from "../../proxy/exchange/failure.ts";

/** The kind of failure for the error code of a failed connect. */
export function connectFailure(code: string): FailureKind {
  switch (code) {
    case "ECONNREFUSED":
    // These two come from Unix sockets: there is none, or the proxy's user may not connect to it.
    case "ENOENT":
    case "EACCES":
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
    // The queue of a Unix socket is full: over TCP the system would wait.
    case "EAGAIN":
      return "connection_limit";
    default:
      if (CERTIFICATE_CODE.test(code)) return "certificate_error";
      return TLS_CODE.test(code) ? "tls_error" : "destination_unroutable";
  }
}

/**
 * Error codes for a certificate of the endpoint that is not accepted: OpenSSL's names (X509_STORE_CTX_get_error(3)), and Node's code for a
 * certificate of another name. The endpoint's own alerts about certificates, such as `ERR_SSL_..._BAD_CERTIFICATE`, are not among them.
 */
const CERTIFICATE_CODE =
  /^(?:ERR_TLS_CERT_\w+|(?!ERR_)\w*(?:CERT|CRL)\w*|UNABLE_TO_\w+|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/;

/** Node's error codes for all other failures of TLS. */
const TLS_CODE = /^(?:ERR_(?:TLS|SSL|OSSL)|EPROTO$)/;
