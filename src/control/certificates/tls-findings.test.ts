/** What `millrace check` says of TLS of listeners. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";
import type { TestContext } from "node:test";
import { formatProblem } from "../../config/problems/problem.ts";
import { parseConfig } from "../../config/load.ts";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import { filesOf } from "../named-files/config-files.ts";
import { tlsFindings } from "./tls-findings.ts";

let authority: TestAuthority;
let site: TestCertificate;

before(async () => {
  authority = await TestAuthority.create();
  site = await authority.issue(["a.test", "*.wild.test"]);
});

/** What is found in a configuration with these files; `[a, b]` writes two texts into one file. */
function found(
  t: TestContext,
  tls: string,
  files: Readonly<Record<string, string>> = {},
  routes: string = "- respond: {}",
): readonly string[] {
  const paths = temporaryFiles(t, { "a.pem": site.chain, "a.key": site.key, "ca.pem": authority.certificate, ...files });
  return foundIn(paths.folder, tls, routes);
}

function foundIn(folder: string, tls: string, routes: string = "- respond: {}"): readonly string[] {
  const text = `listeners:\n  - address: ":443"\n    tls: ${tls}\nroutes:\n  ${routes}\n`;
  const parsed = parseConfig(text, "f", { PASS: "hunter2" }, filesOf(folder).readSecret, { tlsFindings: tlsFindings(folder) });
  const problems = "problems" in parsed ? parsed.problems : parsed.warnings;
  return problems.map((problem) =>
    formatProblem(problem)
      .replaceAll(`${folder}/`, "")
      .replace(/^f:\d+:\d+: /, ""),
  );
}

const PAIR = "{ cert_file: a.pem, key_file: a.key }";

test("a certificate with its key, as a pair or in one file, is fine", (t) => {
  assert.deepEqual(found(t, `{ certificates: [${PAIR}] }`), []);
  assert.deepEqual(found(t, "{ certificates: [{ cert_file: both.pem }] }", { "both.pem": site.chain + site.key }), []);
});

test("files that are missing, wrong, or of another pair", async (t) => {
  const other = await authority.issue(["b.test"]);
  const intermediate = await authority.intermediate();
  const below = await intermediate.issue(["c.test"]);
  const files = { "other.key": other.key, "empty.pem": "", "up.pem": intermediate.certificate + below.certificate, "below.key": below.key };
  for (const [entry, expected] of [
    ["{ cert_file: none.pem }", "cert_file: none.pem does not exist"],
    ["{ cert_file: empty.pem, key_file: a.key }", "cert_file: empty.pem holds no PEM certificate: it is empty"],
    ["{ cert_file: a.key, key_file: a.key }", "cert_file: a.key holds no PEM certificate, but a private key"],
    ["{ cert_file: a.pem }", "cert_file: a.pem holds no PEM private key"],
    ["{ cert_file: a.pem, key_file: other.key }", "key_file: other.key holds the key of another certificate"],
    [
      "{ cert_file: up.pem, key_file: below.key }",
      "cert_file: up.pem has the certificate of the key as number 2: it must stand first, and after it the one that has signed it",
    ],
    ["{ cert_file: a.pem, key_file: a.key, ocsp_file: a.pem }", "ocsp_file: a.pem holds no OCSP response in DER"],
    [
      "{ cert_file: a.pem, key_file: a.key, client_certificates: { ca_file: a.key } }",
      "client_certificates.ca_file: a.key holds no PEM certificate, but a private key",
    ],
    [
      "{ cert_file: a.pem, key_file: a.key, client_certificates: { ca_file: ca.pem, crl_file: ca.pem } }",
      "client_certificates.crl_file: ca.pem holds no PEM revocation list (X509 CRL)",
    ],
  ] as const)
    assert.deepEqual(found(t, `{ certificates: [${entry}] }`, files), [`listeners.#1.tls.certificates.#1.${expected}`]);
  assert.deepEqual(found(t, "{}"), ["listeners.#1.tls: it has no certificates"]);
});

test("encrypted keys: a missing, a wrong, a right and an idle passphrase, which no message shows", (t) => {
  const folder = temporaryFiles(t, { "a.pem": site.chain, "a.key": site.key, pass: "hunter2\n" }).folder;
  const encrypted = createPrivateKey(site.key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" });
  writeFileSync(path.join(folder, "locked.key"), encrypted, { mode: 0o600 });
  const said = (more: string): readonly string[] => foundIn(folder, `{ certificates: [{ cert_file: a.pem, ${more} }] }`);
  const place = "listeners.#1.tls.certificates.#1";
  assert.deepEqual(said("key_file: locked.key"), [`${place}.key_file: locked.key is encrypted: it needs a key_passphrase`]);
  assert.deepEqual(said("key_file: locked.key, key_passphrase: hunter3"), [
    `${place}.key_passphrase: locked.key cannot be decrypted: its key_passphrase is another one, or it is damaged`,
  ]);
  assert.deepEqual(said('key_file: locked.key, key_passphrase: "${PASS}"'), []);
  assert.deepEqual(said('key_file: locked.key, key_passphrase: "${UNSET}"'), [
    `${place}.key_passphrase: the environment variable UNSET is not set; \${UNSET:-default} would give it a default`,
  ]);
  assert.deepEqual(said("key_file: locked.key, key_passphrase: file:pass"), []);
  assert.deepEqual(said("key_file: a.key, key_passphrase: hunter2"), [
    `warning: ${place}.key_passphrase: it is not needed: the key is not encrypted`,
  ]);
  assert.doesNotMatch(said("key_file: a.key, key_passphrase: [hunter2]").join(), /hunter/);
});

test("dates: expired, not valid yet, and the last fourteen days", async (t) => {
  const day = 86_400_000;
  const soon = await authority.issue(["a.test"], { notAfter: new Date(Date.now() + 3.5 * day) });
  const [expired, future] = await Promise.all([
    authority.issue(["a.test"], { valid: "expired" }),
    authority.issue(["a.test"], { valid: "future" }),
  ]);
  for (const [certificate, expected] of [
    [soon, /^warning: \S+cert_file: s\.pem expires on \d{4}-\d\d-\d\d, in 3 days$/],
    [expired, /^warning: \S+cert_file: s\.pem has expired on \d{4}-\d\d-\d\d: clients refuse it$/],
    [future, /^warning: \S+cert_file: s\.pem is not valid before \S+Z: clients refuse it$/],
  ] as const) {
    const [only = "", ...more] = found(t, "{ certificates: [{ cert_file: s.pem }] }", { "s.pem": certificate.chain + certificate.key });
    assert.match(only, expected);
    assert.deepEqual(more, []);
  }
});

test("the chain: its order, a superfluous root; what it is for; no names", async (t) => {
  const intermediate = await authority.intermediate();
  const below = await intermediate.issue(["c.test"]);
  const client = await authority.issue(["c.test"], { use: "client" });
  const nameless = await authority.issue([]);
  const stranger = await TestAuthority.create();
  for (const [chain, key, expected] of [
    [below.chain, below.key, null],
    [
      below.certificate + stranger.certificate,
      below.key,
      "has certificates in a wrong order: number 2 of 2 has not signed the one before it",
    ],
    [below.chain + authority.certificate, below.key, "ends with a root (number 3 of 3), which clients have or do not trust: leave it out"],
    [client.chain, client.key, "is not made for servers (extended key usage): clients refuse it"],
    [
      nameless.chain,
      nameless.key,
      "names no DNS name and no IP address (subject alternative names): it serves only as the first certificate",
    ],
  ] as const) {
    const said = found(t, "{ certificates: [{ cert_file: c.pem }] }", { "c.pem": chain + key });
    assert.deepEqual(said, expected === null ? [] : [`warning: listeners.#1.tls.certificates.#1.cert_file: c.pem ${expected}`]);
  }
});

test("a key that every user can read", (t) => {
  const files = temporaryFiles(t, { "a.pem": site.chain, "a.key": site.key });
  chmodSync(files["a.key"], 0o644);
  assert.deepEqual(foundIn(files.folder, `{ certificates: [${PAIR}] }`), [
    "warning: listeners.#1.tls.certificates.#1.key_file: a.key can be read by every user of this machine (chmod o-r)",
  ]);
});

test("names that stand twice: other kinds of keys serve side by side, other rules for clients are an error", async (t) => {
  const rsa = await authority.issue(["a.test"], { key: "rsa" });
  const files = { "rsa.pem": rsa.chain + rsa.key };
  assert.deepEqual(found(t, `{ certificates: [${PAIR}, { cert_file: rsa.pem }] }`, files), []);
  assert.deepEqual(found(t, `{ certificates: [${PAIR}, { cert_file: rsa.pem }, ${PAIR}] }`, files), [
    "warning: listeners.#1.tls.certificates.#3.cert_file: it has the name a.test and a key of the same kind as certificate #1, which serves that name alone",
  ]);
  const ruled = "{ cert_file: rsa.pem, client_certificates: { ca_file: ca.pem } }";
  assert.deepEqual(found(t, `{ certificates: [${PAIR}, ${ruled}] }`, files), [
    "listeners.#1.tls.certificates.#2.cert_file: it has the name a.test as certificate #1 has, and other rules for clients: one of them would count for nothing",
  ]);
});

test("hosts of routes that no certificate has", (t) => {
  const routes = `- { match: { host: [a.test, x.wild.test, x.y.wild.test, "*.wild.test"] }, respond: {} }
  - { match: [{ host: B.test }, { path: /x }], respond: {} }
  - { match: { host: "*.c.test", not: { host: d.test } }, respond: {} }
  - respond: {}`;
  const said = found(t, `{ certificates: [${PAIR}] }`, {}, routes);
  assert.deepEqual(
    said.map((line) => line.replace(/: no certificate of a listener has this name:.*$/, "")),
    ["warning: routes.#1.match.host.#3", "warning: routes.#2.match.#1.host", "warning: routes.#3.match.host"],
  );
});

test("ciphers and groups that OpenSSL does not have, short keys, and idle settings", (t) => {
  const place = "listeners.#1.tls";
  assert.deepEqual(found(t, `{ certificates: [${PAIR}], ciphers: [ECDHE-RSA-AES128-GCM-SHA257], curves: "X25519:P-999" }`), [
    `${place}.ciphers: OpenSSL does not know ECDHE-RSA-AES128-GCM-SHA257`,
    `${place}.curves: OpenSSL does not know P-999`,
  ]);
  assert.deepEqual(found(t, `{ certificates: [${PAIR}], ciphers: "EECDH+AESGCM:!RC4", curves: [prime256v1] }`), []);
  const key = Buffer.alloc(48, 1).toString("base64");
  assert.deepEqual(found(t, `{ certificates: [${PAIR}], tickets: { key_file: keys, rotate: 1h } }`, { keys: key }), [
    `warning: ${place}.tickets.rotate: it does nothing: the keys are those of key_file`,
  ]);
  assert.deepEqual(found(t, `{ certificates: [${PAIR}], tickets: { key_file: keys } }`, { keys: `${key}\n${key}` }), [
    `${place}.tickets.key_file: keys has a key twice`,
  ]);
});

test("a revocation list that has ended, by which every client would be refused", async (t) => {
  const crl = await authority.crl([], new Date(Date.now() - 60_000));
  const tls = `{ certificates: [${PAIR}], client_certificates: { ca_file: ca.pem, crl_file: crl.pem } }`;
  const [only = "", ...more] = found(t, tls, { "crl.pem": crl });
  assert.match(
    only,
    /^warning: listeners\.#1\.tls\.client_certificates\.crl_file: crl\.pem has ended on \S+: every client is refused until there is a new one$/,
  );
  assert.deepEqual(more, []);
  assert.deepEqual(found(t, tls, { "crl.pem": await authority.crl([]) }), []);
});
