/** Reads when revocation lists end (RFC 5280 section 5.1): from then on OpenSSL refuses every client of their authority. */
import { DER, derChild, derChildren, derTime, derValue } from "./der.ts";
import { blockBytes, revocationBlocks } from "./pem.ts";

/** The earliest end of the lists in a PEM text, in epoch milliseconds; null: none of them says one. */
export function revocationEndMs(text: string): number | null {
  const ends = revocationBlocks(text).whole.flatMap((block) => endOf(blockBytes(block)) ?? []);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** CertificateList { TBSCertList { version?, signature, issuer, thisUpdate, nextUpdate?, ... }, ... } */
function endOf(bytes: Uint8Array): number | null {
  const list = derChild(derValue(bytes), DER.sequence);
  const times = (list === null ? null : derChildren(list))?.filter((child) => derTime(child) !== null) ?? [];
  return derTime(times[1]);
}
