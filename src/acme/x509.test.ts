import assert from "node:assert/strict";
import { X509Certificate, createHash, generateKeyPairSync, webcrypto } from "node:crypto";
import { test } from "node:test";
import { x509 } from "../x509/library.ts";
import { challengeCertificate, renewalIdentifier } from "./x509.ts";

test("the identifier for renewal is that of the example in RFC 9773 section 4.1", async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const settings = { keys, signingAlgorithm: algorithm, name: "CN=Example", serialNumber: "87654321" };
  const extension = new x509.AuthorityKeyIdentifierExtension("69885b6b87464041e1b37b847ba0ae2cde01c8d4");
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ ...settings, extensions: [extension] });
  assert.equal(renewalIdentifier(certificate.toString("pem")), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  const without = await x509.X509CertificateGenerator.createSelfSigned(settings);
  assert.equal(renewalIdentifier(without.toString("pem")), null);
});

test("the certificate for tls-alpn-01 has the name and, as a critical extension, the digest of the key authorization", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.parse("2026-11-30T12:00:00Z");
  const pem = await challengeCertificate(privateKey, "example.com", "token.thumbprint", now);
  const certificate = new X509Certificate(pem);
  assert.equal(certificate.subjectAltName, "DNS:example.com");
  assert.ok(certificate.checkPrivateKey(privateKey));
  assert.ok(certificate.validFromDate.getTime() < now && now < certificate.validToDate.getTime());
  // OBJECT IDENTIFIER 1.3.6.1.5.5.7.1.31, BOOLEAN true, OCTET STRING of an OCTET STRING of 32 bytes.
  const extension = Buffer.concat([
    Buffer.from("06082b0601050507011f0101ff04220420", "hex"),
    createHash("sha256").update("token.thumbprint").digest(),
  ]);
  assert.ok(certificate.raw.includes(extension), certificate.raw.toString("hex"));
});
