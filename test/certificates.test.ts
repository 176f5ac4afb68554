/** The certificates that other tests stand on, judged by OpenSSL and by Node. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { TestAuthority, temporaryFiles } from "./support/certificates.ts";
import type { TestCertificate } from "./support/certificates.ts";

const missing = spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed";

test("a certificate has its names, its key and its dates", async () => {
  const authority = await TestAuthority.create();
  const made = await authority.issue(["app.test", "*.app.test", "127.0.0.1", "::1"]);
  const read = new X509Certificate(made.chain);
  assert.equal(read.subjectAltName, "DNS:app.test, DNS:*.app.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  assert.ok(read.checkPrivateKey(createPrivateKey(made.key)));
  assert.equal(read.serialNumber, made.serialNumber);
  assert.equal(read.fingerprint256.replaceAll(":", "").toLowerCase(), made.fingerprint);
  assert.ok(read.verify(new X509Certificate(authority.certificate).publicKey));
  assert.equal(createPrivateKey(made.key).asymmetricKeyType, "ec");
});

test("OpenSSL takes what is to be good, and refuses what is to be bad", { skip: missing }, async (t) => {
  const [authority, other] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
  const intermediate = await authority.intermediate();
  const good = await authority.issue(["app.test"]);
  const revoked = await authority.client("CN=mallory,O=Example");
  const lists = { crl: await authority.crl([revoked]) };
  const verdict = (made: TestCertificate, options: readonly string[] = []): string => {
    const at = temporaryFiles(t, { "ca.pem": authority.certificate, "chain.pem": made.chain, "crl.pem": lists.crl });
    const { stdout, stderr } = spawnSync(
      "openssl",
      [
        "verify",
        "-x509_strict",
        "-CAfile",
        at["ca.pem"],
        "-CRLfile",
        at["crl.pem"],
        "-untrusted",
        at["chain.pem"],
        ...options,
        at["chain.pem"],
      ],
      { encoding: "utf8" },
    );
    return /error \d+ at \d+ depth lookup: (.*)/.exec(stderr)?.[1] ?? (stdout.trim().replace(/^.*: /, "") || stderr);
  };
  assert.equal(verdict(good, ["-purpose", "sslserver", "-verify_hostname", "app.test", "-crl_check"]), "OK");
  assert.equal(verdict(await authority.client("CN=alice,O=Example"), ["-purpose", "sslclient", "-crl_check"]), "OK");
  assert.equal(verdict(await intermediate.issue(["app.test"]), ["-purpose", "sslserver"]), "OK");
  assert.equal(verdict(await authority.issue(["app.test"], { valid: "expired" })), "certificate has expired");
  assert.equal(verdict(await authority.issue(["app.test"], { valid: "future" })), "certificate is not yet valid");
  assert.equal(verdict(revoked, ["-crl_check"]), "certificate revoked");
  assert.notEqual(verdict(await other.issue(["app.test"])), "OK");
  assert.notEqual(verdict(good, ["-purpose", "sslclient"]), "OK");
});
