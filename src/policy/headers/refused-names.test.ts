import assert from "node:assert/strict";
import { test } from "node:test";
import { isOwnField } from "../../http/field-edits.ts";
import { UNTRUSTED_DROPPED } from "../../http/forward-fields.ts";
import { bit, knownFieldNamed } from "../../http/known-fields.ts";
import { whyRefused } from "./refused-names.ts";

test("what the proxy alone may write is refused on both sides, in any spelling", () => {
  const own = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "Proxy-Connection",
    "HTTP2-Settings",
  ];
  for (const name of own) {
    assert.ok(isOwnField(name), name);
    for (const side of ["request", "response"] as const) {
      for (const edit of ["write", "remove"] as const) {
        assert.notEqual(whyRefused(side, edit, name), null, name);
        assert.notEqual(whyRefused(side, edit, name.toUpperCase().replaceAll("-", "_")), null, name);
      }
    }
  }
  for (const name of ["Trailer", "Proxy-Authorization", "Sec-WebSocket-Key"]) assert.notEqual(whyRefused("request", "write", name), null);
});

test("of what only a trusted proxy may send, a configuration can write what the proxy does not write itself", () => {
  const names = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP"];
  for (const name of names) assert.notEqual(UNTRUSTED_DROPPED & bit(knownFieldNamed(name)), 0, name);
  const writable = names.filter((name) => whyRefused("request", "write", name) === null);
  assert.deepEqual(writable, ["X-Forwarded-Port", "X-Real-IP"]);
  assert.notEqual(whyRefused("request", "write", "X_Forwarded_For"), null);
  for (const name of ["Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "x_forwarded_client_cert"]) {
    assert.notEqual(whyRefused("request", "write", name), null, name);
    assert.equal(whyRefused("request", "remove", name), null, name);
  }
});

test("everything else may be edited, and responses have their own rules", () => {
  for (const name of ["Authorization", "Cookie", "Accept-Encoding", "X-Env", "Content-Type"])
    assert.equal(whyRefused("request", "write", name), null);
  for (const name of ["Set-Cookie", "Location", "Cache-Control", "Server", "Expect", "Forwarded"]) {
    assert.equal(whyRefused("response", "write", name), null, name);
  }
  assert.notEqual(whyRefused("response", "remove", "Date"), null);
  for (const name of ["Via", "Proxy-Status"]) {
    assert.notEqual(whyRefused("response", "write", name), null);
    assert.equal(whyRefused("response", "remove", name), null);
  }
});
