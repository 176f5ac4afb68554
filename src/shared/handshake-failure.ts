/** Why a TLS handshake of a client came to nothing: the values of the label `reason` of `millrace_tls_handshakes_failed_total` (docs/tls.md explains them). */
export const HANDSHAKE_FAILURES = [
  "client_left",
  "timed_out",
  "turned_away",
  "not_tls",
  "unknown_name",
  "no_common_parameters",
  "refused_certificate",
  "refused_by_client",
  "unusable_certificate",
  "other",
] as const;

export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];
