/**
 * What Node cannot make or read of X.509: signing requests, certificates, key identifiers. Imported when a certificate is first ordered, because of the
 * library (x509/library.ts).
 */
import type { SubjectAlternativeNameExtension } from "@peculiar/x509";
import { x509 } from "../x509/library.ts";
import { createHash, createPublicKey } from "node:crypto";
import type { KeyObject, webcrypto } from "node:crypto";

/** The extension acmeIdentifier (RFC 8737 section 3). */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";
const HOUR_MS = 3600_000;

/** A signing request (PKCS #10) for these names, in DER and base64url, as RFC 8555 section 7.4 wants it. The subject is empty: names stand in the extension alone. */
export async function signingRequest(key: KeyObject, names: readonly string[]): Promise<string> {
  const { keys, signingAlgorithm } = keysOf(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm, extensions: [alternativeNames(names)] });
  return Buffer.from(request.rawData).toString("base64url");
}

/** The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3), as PEM text. */
export async function challengeCertificate(key: KeyObject, name: string, keyAuthorization: string, now: number): Promise<string> {
  const digest = createHash("sha256").update(keyAuthorization).digest();
  const octets = Buffer.concat([Buffer.of(0x04, digest.length), digest]);
  const { keys, signingAlgorithm } = keysOf(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm,
    name: "CN=ACME challenge",
    notBefore: new Date(now - 24 * HOUR_MS),
    notAfter: new Date(now + 7 * 24 * HOUR_MS),
    extensions: [alternativeNames([name]), new x509.Extension(ACME_IDENTIFIER, true, octets)],
  });
  return `${certificate.toString("pem")}\n`;
}

/** The identifier of a certificate for renewal information (RFC 9773 section 4.1); null: the certificate names no key of its issuer. */
export function renewalIdentifier(leaf: string): string | null {
  const certificate = new x509.X509Certificate(leaf);
  const keyId = certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined || keyId === "") return null;
  // The number as DER has it: with a leading zero byte where its first bit is set.
  const serial = Buffer.from(certificate.serialNumber, "hex");
  const bytes = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(keyId, "hex").toString("base64url")}.${bytes.toString("base64url")}`;
}

function alternativeNames(names: readonly string[]): SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value })));
}

interface KeysAndAlgorithm {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly signingAlgorithm: { readonly name: string; readonly hash: string };
}

function keysOf(key: KeyObject): KeysAndAlgorithm {
  const isRsa = key.asymmetricKeyType === "rsa";
  const algorithm = isRsa ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: "P-256" };
  return {
    keys: {
      privateKey: key.toCryptoKey(algorithm, true, ["sign"]),
      publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]),
    },
    signingAlgorithm: { name: algorithm.name, hash: "SHA-256" },
  };
}
