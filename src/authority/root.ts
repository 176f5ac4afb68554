/** The root of the local authority: a key and a self-signed certificate, made once for a person or a machine and never changed. */
import { webcrypto } from "node:crypto";
import { LOCAL_BLOCKS, LOCAL_DOMAINS } from "../base/local-names.ts";
import { nameConstraints } from "./name-constraints.ts";
import { ECDSA, SHA256, pemOf, privateKeyPem } from "./keys.ts";
import { x509 } from "./x509.ts";

const DAY_MS = 86_400_000;
/** Long, because people install it by hand. Its constraint is what keeps it harmless. */
const LIFE_MS = 10 * 365 * DAY_MS;
/** Clocks of containers and virtual machines differ a little. */
const CLOCK_SKEW_MS = 3_600_000;

/** PEM texts of a new root. */
export interface NewRoot {
  readonly certificate: string;
  readonly key: string;
}

/** @param now epoch milliseconds */
export async function makeRoot(now: number): Promise<NewRoot> {
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const keyIdentifier = await x509.SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A part of the key's hash tells two roots apart, those of two machines, say, in the list of a browser.
    name: [{ O: ["Millrace"] }, { CN: [`Millrace local authority ${keyIdentifier.keyId.slice(0, 8)}`] }],
    keys,
    signingAlgorithm: SHA256,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + LIFE_MS),
    extensions: [
      // No authorities below it.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      keyIdentifier,
      nameConstraints(LOCAL_DOMAINS, LOCAL_BLOCKS),
    ],
  });
  return { certificate: pemOf(certificate), key: await privateKeyPem(keys.privateKey) };
}
