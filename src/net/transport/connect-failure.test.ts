import assert from "node:assert/strict";
import { test } from "node:test";
import { connectFailure } from "./connect-failure.ts";

test("a certificate that is not accepted, an endpoint without TLS, and one that cannot be reached", () => {
  for (const code of [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "CERT_HAS_EXPIRED",
    "HOSTNAME_MISMATCH",
    "INVALID_CA",
    "CRL_HAS_EXPIRED",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ])
    assert.equal(connectFailure(code), "certificate_error", code);
  for (const code of ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "ERR_TLS_HANDSHAKE_TIMEOUT", "EPROTO"])
    assert.equal(connectFailure(code), "tls_error", code);
  // Of a Unix socket: there is none, or the proxy's user may not connect to it.
  for (const code of ["ENOENT", "EACCES"]) assert.equal(connectFailure(code), "connection_refused", code);
  for (const code of ["EHOSTUNREACH", "ENETUNREACH", "EINVAL"]) assert.equal(connectFailure(code), "destination_unroutable", code);
});
