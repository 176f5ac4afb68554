/** What `millrace check` says of TLS towards endpoints. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { before, test } from "node:test";
import type { TestContext } from "node:test";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import { parseConfig } from "../../config/load.ts";
import { formatProblem } from "../../config/problems/problem.ts";
import { filesOf } from "../named-files/config-files.ts";
import { tlsFindings } from "./tls-findings.ts";

let authority: TestAuthority;
let own: TestCertificate;

before(async () => {
  authority = await TestAuthority.create();
  own = await authority.client("CN=proxy");
});

function found(t: TestContext, upstream: string, files: Readonly<Record<string, string>> = {}, defaults: string = ""): readonly string[] {
  const { folder } = temporaryFiles(t, { "ca.pem": authority.certificate, "me.pem": own.chain, "me.key": own.key, ...files });
  const text = `listeners: [{ address: ":80" }]\n${defaults}upstreams: { app: { endpoints: ["https://a.test"]${upstream} } }\nroutes: [{ upstream: app }]\n`;
  const read: string[] = [];
  const surroundings = { tlsFindings: tlsFindings(folder, (file) => read.push(file)) };
  const parsed = parseConfig(text, "f", { PASS: "hunter2" }, filesOf(folder).readSecret, surroundings);
  const problems = "problems" in parsed ? parsed.problems : parsed.warnings;
  return problems.map((problem) =>
    formatProblem(problem)
      .replaceAll(`${folder}/`, "")
      .replace(/^f:\d+:\d+: /, ""),
  );
}

test("files that can be used, and keys that fit, are fine", async (t) => {
  const files = { "crl.pem": await authority.crl([]) };
  assert.deepEqual(found(t, ", tls: { ca_file: ca.pem, crl_file: crl.pem, cert_file: me.pem, key_file: me.key }", files), []);
  const encrypted = createPrivateKey(own.key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" });
  const both = { "both.pem": own.chain + encrypted };
  assert.deepEqual(found(t, ', tls: { cert_file: both.pem, key_passphrase: "${PASS}" }', both), []);
});

test("files that are missing, wrong or of another pair, also where they stand in defaults", async (t) => {
  const other = await authority.client("CN=other");
  const files = { "empty.pem": "", "other.key": other.key };
  for (const [tls, expected] of [
    ["ca_file: none.pem", "ca_file: none.pem does not exist"],
    ["ca_file: empty.pem", "ca_file: empty.pem holds no PEM certificate: it is empty"],
    ["ca_file: ca.pem, crl_file: ca.pem", "crl_file: ca.pem holds no PEM revocation list (X509 CRL)"],
    ["cert_file: me.pem", "cert_file: me.pem holds no PEM private key"],
    ["cert_file: me.pem, key_file: other.key", "key_file: other.key holds the key of another certificate"],
  ] as const)
    assert.deepEqual(found(t, `, tls: { ${tls} }`, files), [`upstreams.app.tls.${expected}`]);
  assert.deepEqual(found(t, "", {}, "defaults: { upstreams: { tls: { ca_file: none.pem } } }\n"), [
    "defaults.upstreams.tls.ca_file: none.pem does not exist",
  ]);
});

test("a certificate that has ended, one that ends soon, a list that has ended, and a passphrase that nothing needs are warnings", async (t) => {
  const expired = await authority.client("CN=proxy", { valid: "expired" });
  const soon = await authority.client("CN=proxy", { notAfter: new Date(Date.now() + 3.5 * 86_400_000) });
  const ended = await authority.crl([], new Date(Date.now() - 1000));
  const text = found(t, ", tls: { cert_file: old.pem, ca_file: ca.pem, crl_file: crl.pem, key_passphrase: x }", {
    "old.pem": expired.chain + expired.key,
    "crl.pem": ended,
  }).join("\n");
  assert.match(text, /warning: upstreams\.app\.tls\.cert_file: old\.pem has expired on [\d-]+: endpoints refuse it/);
  assert.match(
    text,
    /warning: upstreams\.app\.tls\.crl_file: crl\.pem has ended on [\d-]+: every endpoint is refused until there is a new one/,
  );
  assert.match(text, /warning: upstreams\.app\.tls\.key_passphrase: it is not needed/);
  assert.match(found(t, ", tls: { cert_file: s.pem }", { "s.pem": soon.chain + soon.key }).join(), /s\.pem expires on [\d-]+, in 3 days/);
});

test("keys that need others, that do nothing, and trust that is none", (t) => {
  const pin = `sha256/${"A".repeat(43)}=`;
  for (const [tls, expected] of [
    ["key_file: me.key", "upstreams.app.tls.key_file: it belongs to a certificate, and there is no cert_file"],
    ['key_passphrase: "${PASS}"', "upstreams.app.tls.key_passphrase: it belongs to a certificate, and there is no cert_file"],
    [
      "verify: false",
      "warning: upstreams.app.tls.verify: it is off: whoever is on the way to the endpoints can read and change everything",
    ],
    [`verify: false, pinned_keys: ["${pin}"]`, ""],
    [`verify: false, pinned_keys: ["sha256/${pin.slice(6)}"]`, ""],
    [
      `verify: false, pinned_keys: ["${pin}"], ca_file: ca.pem`,
      "warning: upstreams.app.tls.ca_file: it does nothing: certificates are not verified (verify: false)",
    ],
    [
      `verify: false, pinned_keys: ["${pin}"], pinned_names: [a.test]`,
      "upstreams.app.tls.pinned_names: names in a certificate that is not verified prove nothing: set verify, or pinned_keys",
    ],
    [
      "pinned_keys: [hunter2]",
      "upstreams.app.tls.pinned_keys.#1: expected the pin of a public key: sha256/ and the 44 characters of a SHA-256 in Base64, found a text (not shown)",
    ],
    ["min_version: 1.1", "upstreams.app.tls.min_version: expected 1.2 or 1.3, found 1.1"],
  ] as const)
    assert.equal(found(t, `, tls: { ${tls} }`).join(), expected);
});
