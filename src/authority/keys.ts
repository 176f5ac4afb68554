/** The keys of the local authority and of its certificates: ECDSA P-256, which every client of TLS 1.2 and 1.3 knows, in PEM. */
import { webcrypto } from "node:crypto";
import type { X509Certificate } from "@peculiar/x509";
import { x509 } from "../x509/library.ts";

export const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;

/** The algorithm of signatures, with keys of {@link ECDSA}. */
export const SHA256 = { name: "ECDSA", hash: "SHA-256" } as const;

/** Text of a private key (PKCS #8). */
export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

/** The private key in a text; rejects when there is none, or one of another kind. The key cannot be exported again. */
export async function importSigningKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decodeWithHeaders(pem).filter(({ type }) => type === "PRIVATE KEY");
  if (der === undefined) throw new Error("no private key");
  return webcrypto.subtle.importKey("pkcs8", der.rawData, ECDSA, false, ["sign"]);
}

export function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
