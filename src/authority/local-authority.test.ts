/** The local authority's certificates, judged by OpenSSL where it is installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import fs from "node:fs";
import os, { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { LOCAL_BLOCKS, LOCAL_DOMAINS } from "../base/local-names.ts";
import { ECDSA, SHA256, pemOf, importSigningKey } from "./keys.ts";
import { LocalAuthority } from "./local-authority.ts";
import { nameConstraints } from "./name-constraints.ts";
import { makeAuthority } from "./new-authority.ts";
import { defaultStorage, openAuthority, readAuthority } from "./storage.ts";
import { x509 } from "../x509/library.ts";

const NOW = Date.now();
const DAY_MS = 86_400_000;
const missing = spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed";

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-authority-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What `openssl verify` says of each certificate for the root of an authority: OK, or its reason. */
function verdicts(folder: string, root: string, certificates: readonly string[], options: readonly string[] = []): string[] {
  const files = certificates.map((text, index) => {
    const file = path.join(folder, `leaf-${index}.pem`);
    fs.writeFileSync(file, text);
    return file;
  });
  const given = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, "-untrusted", files[0] ?? "", ...options, ...files];
  const { stdout, stderr } = spawnSync("openssl", given, { encoding: "utf8" });
  const reasons = stderr.matchAll(/error \d+ at \d+ depth lookup: (.*)/g);
  return files.map((file) => (stdout.includes(`${file}: OK`) ? "OK" : (reasons.next().value?.[1] ?? stderr)));
}

test("a certificate names what it is for, lives for days, and does not outlive the root", async (t) => {
  const authority = await LocalAuthority.open(path.join(temporaryFolder(t), "a"), NOW);
  const made = await authority.issue(["localhost", "app.test", "127.0.0.1", "::1"], NOW);
  const read = new X509Certificate(made.chain);
  assert.equal(read.subjectAltName, "DNS:localhost, DNS:app.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  assert.ok(read.checkPrivateKey(createPrivateKey(made.key)));
  assert.ok(Date.parse(read.validFrom) < NOW);
  assert.equal(Math.round((made.expiresAt - NOW) / DAY_MS), 7);
  assert.ok(made.renewAt > NOW && made.renewAt < made.expiresAt - 2 * DAY_MS);
  const root = new X509Certificate(authority.root);
  const late = await authority.issue(["localhost"], Date.parse(root.validTo) - DAY_MS);
  assert.equal(late.expiresAt, Date.parse(root.validTo));
});

test("no certificate is made for a name that is not local", async (t) => {
  const authority = await LocalAuthority.open(path.join(temporaryFolder(t), "a"), NOW);
  await assert.rejects(authority.issue(["localhost", "example.com"], NOW), /not for "example\.com"/);
  await assert.rejects(authority.issue([], NOW), RangeError);
});

test("OpenSSL verifies names within the constraint, and none beyond it", { skip: missing }, async (t) => {
  const folder = temporaryFolder(t);
  const authority = await LocalAuthority.open(path.join(folder, "a"), NOW);
  const local = ["localhost", "app.localhost", "a.b.test", "db.internal", "127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd00::7"];
  const { chain } = await authority.issue(local, NOW);
  for (const name of ["a.b.test", "10.1.2.3", "fd00::7"]) {
    const option = name.endsWith("test") ? "-verify_hostname" : "-verify_ip";
    assert.deepEqual(verdicts(folder, authority.file, [chain], [option, name]), ["OK"], name);
  }
  // The authority itself refuses these, so a thief of its key signs them here. That of the root is nowhere.
  const stored = readAuthority(path.join(folder, "a"), NOW);
  const stolen = await importSigningKey(stored?.key ?? "");
  const signer = new x509.X509Certificate(stored?.certificate ?? "");
  const forge = async (type: "dns" | "ip", value: string): Promise<string> => {
    const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
    const forged = await x509.X509CertificateGenerator.create({
      subject: "CN=forged",
      issuer: signer.subjectName,
      publicKey: keys.publicKey,
      signingKey: stolen,
      signingAlgorithm: SHA256,
      notBefore: new Date(NOW - DAY_MS),
      notAfter: new Date(NOW + DAY_MS),
      extensions: [
        await x509.AuthorityKeyIdentifierExtension.create(signer),
        new x509.SubjectAlternativeNameExtension([{ type, value }]),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ],
    });
    return pemOf(forged) + pemOf(signer);
  };
  const names = ["example.com", "localhost.example.com", "notlocalhost", "com"];
  const addresses = ["8.8.8.8", "172.32.0.1", "192.169.0.1", "128.0.0.1", "2001:db8::1", "fe80::1", "::2"];
  const forged = [forge("dns", "app.test"), ...names.map((name) => forge("dns", name)), ...addresses.map((one) => forge("ip", one))];
  const found = verdicts(folder, authority.file, await Promise.all(forged));
  assert.deepEqual(found, ["OK", ...[...names, ...addresses].map(() => "permitted subtree violation")]);
});

test("the extension is written as RFC 5280 says", () => {
  const { critical, type, value } = nameConstraints(["test"], ["10.0.0.0/9", "fc00::/7"]);
  assert.deepEqual([critical, type], [true, "2.5.29.30"]);
  const subtrees = [
    ["30068204", "74657374"],
    ["300a8708", "0a000000", "ff800000"],
    ["30228720", `fc00${"00".repeat(14)}`, `fe00${"00".repeat(14)}`],
  ];
  assert.equal(Buffer.from(value).toString("hex"), `303aa038${subtrees.flat().join("")}`);
  assert.throws(() => nameConstraints(LOCAL_DOMAINS, [...LOCAL_BLOCKS, "10.0.0.0/40"]), RangeError);
});

test("the root is made once, for its owner alone, and never changes", async (t) => {
  const folder = path.join(temporaryFolder(t), "deep", "authority");
  const roots = await Promise.all(Array.from({ length: 5 }, () => openAuthority(folder, NOW, () => makeAuthority(NOW))));
  assert.equal(new Set(roots.map(({ root }) => root)).size, 1);
  assert.deepEqual(fs.readdirSync(folder).toSorted(), ["authority-key.pem", "root.pem"]);
  assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
  assert.equal(fs.statSync(path.join(folder, "authority-key.pem")).mode & 0o777, 0o600);
  assert.doesNotMatch(fs.readFileSync(path.join(folder, "root.pem"), "utf8"), /PRIVATE/);
  fs.rmSync(path.join(folder, "root.pem"));
  const again = await openAuthority(folder, NOW + DAY_MS, () => assert.fail("there is a root"));
  assert.equal(again.root, roots[0]?.root);
  assert.equal(fs.readFileSync(again.file, "utf8"), again.root);
});

test("the user's own folder is below XDG_DATA_HOME, else in the home folder", (t) => {
  assert.equal(defaultStorage({ XDG_DATA_HOME: "/data" }, "linux"), "/data/millrace/authority");
  const home = t.mock.method(os, "homedir", () => "/people/u");
  for (const XDG_DATA_HOME of [undefined, "", "relative"])
    assert.equal(defaultStorage({ XDG_DATA_HOME }, "linux"), "/people/u/.local/share/millrace/authority");
  home.mock.mockImplementation(() => "");
  assert.throws(() => defaultStorage({}, "linux"), /no home folder/);
});

test("a root that cannot be used is an error, and is left as it is", async (t) => {
  const folder = path.join(temporaryFolder(t), "a");
  const { key, certificate, root } = await openAuthority(folder, NOW, () => makeAuthority(NOW));
  const file = path.join(folder, "authority-key.pem");
  const other = await makeAuthority(NOW);
  const make = (): never => assert.fail("nothing is made");
  const attempts: readonly (readonly [text: string, mode: number, now: number, message: RegExp])[] = [
    [key + certificate + root, 0o644, NOW, /can be read or changed by other users/],
    ["", 0o600, NOW, /never overwritten/],
    [key, 0o600, NOW, /never overwritten/],
    [key + certificate, 0o600, NOW, /never overwritten/],
    [key + other.certificate + other.root, 0o600, NOW, /never overwritten/],
    [key + certificate + other.root, 0o600, NOW, /never overwritten/],
    [key + certificate.replace(/[A-Z]{5}/, "AAAAA") + root, 0o600, NOW, /never overwritten/],
    [key + certificate + root, 0o600, NOW + 11 * 365 * DAY_MS, /has expired/],
  ];
  for (const [text, mode, now, message] of attempts) {
    fs.writeFileSync(file, text);
    fs.chmodSync(file, mode);
    await assert.rejects(openAuthority(folder, now, make), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /PRIVATE KEY|MII/);
      return true;
    });
    assert.equal(fs.readFileSync(file, "utf8"), text);
  }
  fs.writeFileSync(path.join(folder, "plain"), "");
  await assert.rejects(
    openAuthority(path.join(folder, "plain", "a"), NOW, () => makeAuthority(NOW)),
    /ENOTDIR/,
  );
});
