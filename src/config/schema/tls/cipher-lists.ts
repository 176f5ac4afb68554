/** The cipher suites and groups of TLS connections: what is offered when the configuration says nothing, and how a list is written. */
import { z } from "zod";

/** The suites of TLS 1.3. All are good, and OpenSSL's own order is kept. */
const SUITES_OF_TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/**
 * Mozilla's "intermediate" recommendation (version 5.7) without the suites of finite-field Diffie-Hellman, which every client that has them can do
 * without: TLS 1.3, and for TLS 1.2 authenticated encryption with forward secrecy.
 */
export const CIPHERS: readonly string[] = [
  ...SUITES_OF_TLS13,
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** The hybrid of X25519 and ML-KEM first, which keeps what is recorded today from the quantum computers of later. */
export const CURVES: readonly string[] = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];

/** OpenSSL's names, in a list or in one text with colons between them; the output is one text. */
export function nameList(what: string, example: string): z.ZodType<string, string | string[]> {
  const error = `expected ${what}, such as ${example}`;
  const names = z.string({ error }).regex(/^[A-Za-z0-9_:@=+!.-]{1,2000}$/, { error });
  return z
    .union([names, z.array(names).min(1, { error })], { error })
    .transform((given) => (typeof given === "string" ? given : given.join(":")))
    .meta({ title: "text or list" });
}

/**
 * The list with the suites of TLS 1.3 where it names none: lists from other proxies are about TLS 1.2 alone, and OpenSSL would then speak no
 * TLS 1.3.
 */
export function withSuitesOfTls13(ciphers: string): string {
  return ciphers.split(":").some((name) => name.startsWith("TLS_")) ? ciphers : [...SUITES_OF_TLS13, ciphers].join(":");
}
