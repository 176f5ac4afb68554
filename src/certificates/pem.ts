/** Finds the blocks of PEM texts (RFC 7468). What stands between them is no part of them, such as the dump that `openssl x509 -text` puts before each. */

/** A certificate, with the labels that OpenSSL accepts. */
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** A private key. Parameters of curves, which OpenSSL writes before keys, are not one. */
const PRIVATE_KEY = /-----BEGIN ((?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

export function certificateBlocks(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** The first private key; null: the text has none. */
export function privateKeyBlock(text: string): string | null {
  return PRIVATE_KEY.exec(text)?.[0] ?? null;
}
