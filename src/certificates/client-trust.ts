/** Checks what is needed to verify the certificates of clients: trusted certificates and revocation lists. */
import tls from "node:tls";
import { revocationBlocks, withoutCertificate } from "./pem.ts";
import { readCertificates } from "./read-certificates.ts";

/** What is wrong with a file of trusted certificates, to be put after its name; null: nothing. */
export function authoritiesProblem(text: string): string | null {
  const certificates = readCertificates(text);
  if (typeof certificates === "string") return certificates;
  return certificates.length === 0 ? withoutCertificate(text) : null;
}

/** The same for a file of revocation lists. */
export function revocationProblem(text: string): string | null {
  const { whole: lists, begun: count } = revocationBlocks(text);
  if (count === 0) return "holds no PEM revocation list (X509 CRL)";
  const wrong = lists.findIndex((crl) => !isReadable(crl));
  if (wrong < 0 && lists.length === count) return null;
  return `cannot be read: list ${(wrong < 0 ? lists.length : wrong) + 1} of ${count} is damaged`;
}

function isReadable(crl: string): boolean {
  try {
    tls.createSecureContext({ crl });
    return true;
  } catch {
    return false;
  }
}
