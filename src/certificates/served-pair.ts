/** Makes a certificate and its key ready for the data plane, from the texts of their files. */
import type { X509Certificate } from "node:crypto";
import tls from "node:tls";
import { namesOf } from "./alternative-names.ts";
import { opensslReason } from "./openssl-reason.ts";
import { withoutCertificate } from "./pem.ts";
import { keyKindOf, readPrivateKey } from "./private-key.ts";
import { readCertificates } from "./read-certificates.ts";

/** A certificate with its key, checked. */
export interface ServedPair {
  readonly names: readonly string[];
  /** The leaf and the certificates after it, as PEM text. */
  readonly chain: string;
  /** Decrypted, as PEM text. */
  readonly key: string;
  readonly keyKind: "ecdsa" | "rsa" | "other";
  /** Whether a passphrase was needed. */
  readonly wasEncrypted: boolean;
  /** The certificates of `chain`, the leaf first. */
  readonly certificates: readonly X509Certificate[];
}

/** Which of the two files something is wrong with, or the key's passphrase, and what, to be put after the name of the file. */
export interface PairProblem {
  readonly in: "certificate" | "key" | "passphrase";
  readonly problem: string;
  /** Whether only the other file, or the passphrase, may be the wrong one: someone may be replacing both, one after the other. */
  readonly mayBeHalf: boolean;
}

/** @param keyText the text of the key's file, or of the certificate's where that holds both */
export function servedPair(certificateText: string, keyText: string, passphrase: string | undefined): ServedPair | PairProblem {
  const certificates = readCertificates(certificateText);
  if (typeof certificates === "string") return { in: "certificate", problem: certificates, mayBeHalf: false };
  const [leaf] = certificates;
  if (leaf === undefined) return { in: "certificate", problem: withoutCertificate(certificateText), mayBeHalf: false };
  const read = readPrivateKey(keyText, passphrase);
  if ("problem" in read) return { ...read, mayBeHalf: read.in === "passphrase" };
  if (!leaf.checkPrivateKey(read.key)) return mismatch(certificates.findIndex((each) => each.checkPrivateKey(read.key)));
  const chain = certificates.map(String).join("");
  const key = read.key.export({ type: "pkcs8", format: "pem" });
  const unusable = whyUnusable(chain, key);
  if (unusable !== null) return { in: "certificate", problem: unusable, mayBeHalf: false };
  return { names: namesOf(leaf), chain, key, keyKind: keyKindOf(read.key), wasEncrypted: read.wasEncrypted, certificates };
}

/** @param owner index of the certificate that the key belongs to; negative: none */
function mismatch(owner: number): PairProblem {
  if (owner < 0) return { in: "key", problem: "holds the key of another certificate", mayBeHalf: true };
  const problem = `has the certificate of the key as number ${owner + 1}: it must stand first, and after it the one that has signed it`;
  return { in: "certificate", problem, mayBeHalf: false };
}

/** Why OpenSSL takes no such certificate, such as a key that is too short; null: it does. */
function whyUnusable(cert: string, key: string): string | null {
  try {
    tls.createSecureContext({ cert, key });
    return null;
  } catch (error) {
    return `cannot be used: ${opensslReason(error)}`;
  }
}
