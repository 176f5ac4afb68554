import assert from "node:assert/strict";
import { test } from "node:test";
import { connectFailure } from "./connect-failure.ts";

test("a certificate that is not accepted, or an endpoint without TLS, is a TLS error and not an unreachable endpoint", () => {
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
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "EPROTO",
  ])
    assert.equal(connectFailure(code), "tls_error", code);
  for (const code of ["EHOSTUNREACH", "ENETUNREACH", "EACCES", "EINVAL"])
    assert.equal(connectFailure(code), "destination_unroutable", code);
});
