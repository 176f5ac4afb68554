/**
 * Makes a local authority: a root, which people trust, and below it the certificate that signs. The key of the root signs once and is then thrown away.
 * Both are bound to local names. That would be enough on the root, but for clients that do not look at the constraints of what they trust (RFC 5280
 * section 6.1 leaves it to them, and Java does not); so what a thief could steal is the key of a certificate below the root, whose constraints all
 * clients look at.
 */
import { webcrypto } from "node:crypto";
import type { Extension } from "@peculiar/x509";
import { LOCAL_BLOCKS, LOCAL_DOMAINS } from "../base/local-names.ts";
import { ECDSA, SHA256, pemOf, privateKeyPem } from "./keys.ts";
import { isBoundTo, nameConstraints } from "./name-constraints.ts";
import { x509 } from "../x509/library.ts";

const DAY_MS = 86_400_000;
/** Long, because people install the root by hand. Its constraint is what keeps it harmless. */
const LIFE_MS = 10 * 365 * DAY_MS;
/** Clocks of containers and virtual machines differ a little. */
const CLOCK_SKEW_MS = 3_600_000;

/** PEM texts of an authority. */
export interface Authority {
  /** What people trust. */
  readonly root: string;
  /** What signs, issued by the root. */
  readonly certificate: string;
  /** The key of `certificate`. */
  readonly key: string;
}

/** @param now epoch milliseconds */
export async function makeAuthority(now: number): Promise<Authority> {
  const [rootKeys, keys] = await Promise.all([newKeys(), newKeys()]);
  const term = { notBefore: new Date(now - CLOCK_SKEW_MS), notAfter: new Date(now + LIFE_MS), signingAlgorithm: SHA256 };
  const rootIdentifier = await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey);
  // A part of the key's hash tells two roots apart, those of two machines, say, in the list of a browser.
  const id = rootIdentifier.keyId.slice(0, 8);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["Millrace"] }, { CN: [`Millrace local authority ${id}`] }],
    keys: rootKeys,
    extensions: [...authorityExtensions(1), rootIdentifier],
    ...term,
  });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: ["Millrace"] }, { CN: [`Millrace local authority ${id}, signing`] }],
    issuer: root.subjectName,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [
      ...authorityExtensions(0),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root),
    ],
    ...term,
  });
  return { root: pemOf(root), certificate: pemOf(certificate), key: await privateKeyPem(keys.privateKey) };
}

/** Whether a root, as PEM text, is bound to local names, as those are that are made here. */
export function isBoundRoot(root: string): boolean {
  return isBoundTo(new x509.X509Certificate(root), LOCAL_DOMAINS, LOCAL_BLOCKS);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}

/** @param pathLength how many authorities may be below */
function authorityExtensions(pathLength: number): readonly Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    nameConstraints(LOCAL_DOMAINS, LOCAL_BLOCKS),
  ];
}
