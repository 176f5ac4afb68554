/** Reads when revocation lists end (RFC 5280 section 5.1): from then on OpenSSL refuses every client of their authority. */
import { Buffer } from "node:buffer";
import { DER, derChild, derChildren, derTime, derValue } from "./der.ts";

const LIST = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g;

/** The earliest end of the lists in a PEM text, in epoch milliseconds; null: none of them says one. */
export function revocationEndMs(text: string): number | null {
  const ends = [...text.matchAll(LIST)].flatMap(([, base64 = ""]) => endOf(Buffer.from(base64, "base64")) ?? []);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** CertificateList { TBSCertList { version?, signature, issuer, thisUpdate, nextUpdate?, ... }, ... } */
function endOf(bytes: Uint8Array): number | null {
  const list = derChild(derValue(bytes), DER.sequence);
  const times = (list === null ? null : derChildren(list))?.filter((child) => derTime(child) !== null) ?? [];
  return derTime(times[1]);
}
