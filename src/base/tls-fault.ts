/**
 * Turns the error code of a failed TLS connection to an endpoint into words for the operator that say what to do. The codes are those of
 * Node's errors, and the names of OpenSSL's verification results (X509_STORE_CTX_get_error(3)).
 */
const UNKNOWN_ISSUER = "its certificate is signed by nobody that is trusted; name whom to trust in tls.ca_file";
const NO_TLS = "it does not speak TLS; is the endpoint http://?";

const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate; name it in tls.ca_file to trust it",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  CERT_REVOKED: "its certificate was revoked (tls.crl_file)",
  CRL_HAS_EXPIRED: "a list in tls.crl_file is out of date",
  UNABLE_TO_GET_CRL: "tls.crl_file has no list of an authority that has signed its certificate",
  ERR_TLS_CERT_PINNED_KEY: "its certificate has a key that is not among tls.pinned_keys",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it asks for a certificate; tls.cert_file names the one to show",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "it speaks no version of TLS that tls.min_version allows",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "it speaks no version of TLS that tls.min_version allows",
  CERT_MISSING: "it shows no certificate",
  ERR_TLS_TRUNCATED: "it closed the connection in the middle of the handshake",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; tls.server_name or tls.pinned_names says which it must carry",
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_ISSUER,
};

/** What to say about an error with this code; null for a code that is not about TLS or has no words here. */
export function tlsFaultInWords(code: string): string | null {
  const words = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  if (words !== undefined) return words;
  // The code says more than OpenSSL's message, which consists of numbers and places in its source.
  return code.startsWith("ERR_SSL_") ? `TLS failed: ${code.slice("ERR_SSL_".length).toLowerCase().replaceAll("_", " ")}` : null;
}
