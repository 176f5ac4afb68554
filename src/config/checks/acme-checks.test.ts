import assert from "node:assert/strict";
import { test } from "node:test";
import { acmeFindings } from "./acme-checks.ts";

const fine = { domains: ["example.com"], terms_agreed: true, storage: "acme" };

/** What is found, as `severity place: message`. */
function found(acme: Record<string, unknown>, address: string = ":443", ...others: readonly object[]): readonly string[] {
  const findings = acmeFindings({ listeners: [{ address, tls: { acme } }, ...others] });
  return findings.map(({ severity, path, message }) => `${severity} ${path.slice(4).join(".")}: ${message}`);
}

test("an ordinary configuration has nothing wrong", () => {
  assert.deepEqual(found(fine), []);
  assert.deepEqual(found({ ...fine, challenge: "http-01" }, ":443", { address: ":80" }), []);
  assert.deepEqual(found({ ...fine, challenge: "dns-01", domains: ["*.example.com"], dns: { command: ["hook"] } }, ":8443"), []);
  assert.deepEqual(found({ ...fine, domains: [], on_demand: { ask: "http://localhost/ask" } }), []);
  assert.deepEqual(found(fine, "unix:/run/millrace.sock"), []);
  assert.deepEqual(acmeFindings({ listeners: [{ address: ":80" }, { tls: "internal" }, null] }), []);
});

test("terms must be agreed to", () => {
  for (const terms of [undefined, false]) {
    const [finding = "", ...more] = found({ ...fine, terms_agreed: terms });
    assert.match(finding, /^error .*write terms_agreed: true$/);
    assert.deepEqual(more, []);
  }
});

test("there must be names, or names on demand", () => {
  assert.match(found({ ...fine, domains: undefined })[0] ?? "", /^error domains: expected the names/);
  assert.match(found({ ...fine, domains: [] })[0] ?? "", /^error domains: expected the names/);
});

test("a wildcard needs dns-01, and dns-01 a program", () => {
  assert.deepEqual(found({ ...fine, domains: ["example.com", ["*.example.com", "example.org"]] }), [
    "error domains.1.0: a wildcard needs challenge: dns-01",
  ]);
  assert.match(found({ ...fine, challenge: "dns-01" })[0] ?? "", /^error challenge: dns-01 needs dns.command/);
  assert.match(found({ ...fine, dns: { command: ["hook"] } })[0] ?? "", /^warning dns: it has no effect with challenge: tls-alpn-01$/);
});

test("a name that stands there twice is told", () => {
  assert.match(
    found({ ...fine, domains: ["example.com", ["Example.com"]] })[0] ?? "",
    /^warning domains.1.0: the name stands there already/,
  );
});

test("an authority that cannot ask where it will ask is told of", () => {
  assert.match(found(fine, ":8443")[0] ?? "", /^warning : an authority asks at port 443/);
  assert.match(found({ ...fine, challenge: "http-01" })[0] ?? "", /^warning challenge: .* no listener here is without TLS/);
  assert.match(
    found({ ...fine, challenge: "http-01" }, ":443", { address: ":8080" })[0] ?? "",
    /^warning challenge: .*at port 80: something must forward/,
  );
});

test("an authority is asked over https, but for one on this machine", () => {
  assert.deepEqual(found({ ...fine, directory: "http://ca.example/directory" }), [
    "error directory: an authority is asked over https only",
  ]);
  for (const host of ["localhost:14000", "127.0.0.1", "[::1]:14000"])
    assert.deepEqual(found({ ...fine, directory: `http://${host}/dir` }), []);
});
