/** Finds the blocks of PEM texts (RFC 7468). What stands between them is no part of them, such as the dump that `openssl x509 -text` puts before each. */
import { Buffer } from "node:buffer";

/** A certificate, with the labels that OpenSSL accepts. */
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** A private key. Parameters of curves, which OpenSSL writes before keys, are not one. */
const PRIVATE_KEY = /-----BEGIN ((?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

/** A revocation list. */
const REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

export function certificateBlocks(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** Those that are whole, and how many begin. */
export function revocationBlocks(text: string): { readonly whole: readonly string[]; readonly begun: number } {
  return { whole: text.match(REVOCATION_LIST) ?? [], begun: text.match(/-----BEGIN X509 CRL-----/g)?.length ?? 0 };
}

/** The bytes of a block. */
export function blockBytes(block: string): Uint8Array {
  return Buffer.from(block.replaceAll(/-----[^-]+-----/g, ""), "base64");
}

/** What a text without a certificate is, as far as it can be seen, to be put after the name of its file. */
export function withoutCertificate(text: string): string {
  const what = "holds no PEM certificate";
  if (text.trim() === "") return `${what}: it is empty`;
  if (text.includes("-----BEGIN CERTIFICATE-----")) return `${what} that is whole: it begins and does not end`;
  if (/-----BEGIN (?:\w+ )?PRIVATE KEY-----/.test(text)) return `${what}, but a private key`;
  // DER begins with the byte 0x30, a "0", and a length that is no text.
  if (/^0[^ -~\s]/.test(text)) return `${what}: it is in DER or PKCS #12, which \`openssl x509\` and \`openssl pkcs12\` convert`;
  return what;
}

/** The first private key; null: the text has none. */
export function privateKeyBlock(text: string): string | null {
  return PRIVATE_KEY.exec(text)?.[0] ?? null;
}
