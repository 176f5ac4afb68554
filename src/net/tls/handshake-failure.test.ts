import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HANDSHAKE_FAILURES } from "../../shared/handshake-failure.ts";
import { failureCounter, handshakeFailure } from "./handshake-failure.ts";

test("codes of OpenSSL and of the system have a reason", () => {
  for (const [code, reason] of [
    ["ECONNRESET", "client_left"],
    ["ERR_SSL_NO_SHARED_CIPHER", "no_common_parameters"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "no_common_parameters"],
    ["ERR_SSL_NO_SUITABLE_KEY_SHARE", "no_common_parameters"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "refused_by_client"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", "refused_by_client"],
    ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "refused_certificate"],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "other"],
  ] as const)
    assert.equal(handshakeFailure(code), reason, code);
});

test("each reason has a counter of its own and is explained", () => {
  assert.equal(new Set(HANDSHAKE_FAILURES.map(failureCounter)).size, HANDSHAKE_FAILURES.length);
  const page = readFileSync(new URL("../../../docs/tls.md", import.meta.url), "utf8");
  for (const reason of HANDSHAKE_FAILURES) assert.ok(page.includes(`| \`${reason}\` |`), reason);
});
