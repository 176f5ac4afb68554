import assert from "node:assert/strict";
import { test } from "node:test";
import { tlsFaultInWords } from "./tls-fault.ts";

test("a TLS failure is told in words that say what to do", () => {
  assert.match(tlsFaultInWords("DEPTH_ZERO_SELF_SIGNED_CERT") ?? "", /tls\.ca_file/);
  assert.match(tlsFaultInWords("UNABLE_TO_VERIFY_LEAF_SIGNATURE") ?? "", /tls\.ca_file/);
  assert.match(tlsFaultInWords("ERR_TLS_CERT_ALTNAME_INVALID") ?? "", /tls\.server_name/);
  assert.match(tlsFaultInWords("ERR_SSL_WRONG_VERSION_NUMBER") ?? "", /does not speak TLS/);
  assert.equal(tlsFaultInWords("ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed: tlsv1 alert internal error");
  assert.equal(tlsFaultInWords("ECONNRESET"), null);
  assert.equal(tlsFaultInWords("toString"), null);
});
