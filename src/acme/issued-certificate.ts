/**
 * Looks at a certificate that an authority has given out, before it is stored and served: whether it is for this key and these names, whether its chain
 * fits together, and whether there is nothing else in the answer (RFC 8555 section 9.1).
 */
import { X509Certificate, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import { namesOf } from "../certificates/alternative-names.ts";
import { certificateBlocks } from "../certificates/pem.ts";
import { AcmeFault } from "./acme-error.ts";

/** Certificates of a chain. Real ones have two to four. */
const CHAIN_MAX = 10;
const HOUR_MS = 3600_000;

/** The leaf and the certificates after it, as PEM text of one form. Throws where the answer is of no use. */
export function checkedChain(text: string, key: KeyObject, names: readonly string[], now: number): string {
  const chain = certificatesOf(text);
  const [leaf] = chain;
  if (leaf === undefined) throw new AcmeFault("the authority's answer holds no certificate");
  if (!leaf.publicKey.equals(createPublicKey(key))) throw new AcmeFault("the authority's certificate is for another key");
  // A wildcard must be there as one.
  const own = namesOf(leaf);
  const missing = names.filter((name) => !own.includes(name));
  if (missing.length > 0) throw new AcmeFault(`the authority's certificate is not for ${missing.join(", ")}`);
  if (leaf.validToDate.getTime() <= now)
    throw new AcmeFault("the authority's certificate has expired already; is the clock of this machine right?");
  // Authorities date certificates back, because clocks differ. One of the future means that this machine's clock is wrong.
  if (leaf.validFromDate.getTime() > now + HOUR_MS)
    throw new AcmeFault("the authority's certificate is not valid yet; is the clock of this machine right?");
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined || (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) continue;
    throw new AcmeFault("the certificates of the authority's chain do not follow from each other");
  }
  return chain.map((certificate) => certificate.toString()).join("");
}

/** The certificates of a PEM text that holds nothing else. */
function certificatesOf(text: string): readonly X509Certificate[] {
  const blocks = certificateBlocks(text);
  const rest = blocks.reduce((left, block) => left.replace(block, ""), text);
  if (/\S/.test(rest)) throw new AcmeFault("the authority's answer holds other things than certificates");
  if (blocks.length > CHAIN_MAX) throw new AcmeFault(`the authority's chain has ${blocks.length} certificates`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new AcmeFault(`the authority's certificate cannot be read: ${messageOf(error)}`);
  }
}
