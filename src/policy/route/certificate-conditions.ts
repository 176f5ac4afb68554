/** Conditions on the verified certificate of a client (`match.client_certificate`). */

/** As the configuration gives them: all that are given must hold; of a list, one entry is enough. */
export interface CertificateConditions {
  readonly subject?: readonly string[] | undefined;
  readonly issuer?: readonly string[] | undefined;
  readonly fingerprint?: readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly uri?: readonly string[] | undefined;
  readonly email?: readonly string[] | undefined;
}

/** What matching reads of a certificate. */
export interface MatchedCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly fingerprint: string;
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  readonly emails: readonly string[];
}

/** Whether the conditions hold. @param certificate null: the client has shown none, and no condition holds */
export type CertificateRule = (certificate: MatchedCertificate | null) => boolean;

export function compileCertificate(conditions: CertificateConditions): CertificateRule {
  const { fingerprint, dns, uri, email } = conditions;
  const [subject, issuer] = [conditions.subject?.map(plainName), conditions.issuer?.map(plainName)];
  const fingerprints = fingerprint?.map(plainFingerprint);
  const names = dns?.map((name) => name.toLowerCase().replace(/\.$/, ""));
  return (certificate) =>
    certificate !== null &&
    (subject === undefined || subject.includes(certificate.subject)) &&
    (issuer === undefined || issuer.includes(certificate.issuer)) &&
    (fingerprints === undefined || fingerprints.includes(certificate.fingerprint)) &&
    (names === undefined || certificate.dnsNames.some((name) => names.some((pattern) => nameHolds(pattern, name.toLowerCase())))) &&
    (uri === undefined || certificate.uris.some((each) => uri.some((pattern) => uriHolds(pattern, each)))) &&
    (email === undefined || certificate.emails.some((each) => email.includes(each)));
}

/** Octets beyond ASCII that tools write as hexadecimal digits (RFC 4514 section 2.4). Names of certificates have the characters themselves. */
const OCTETS = /(?:\\[89A-Fa-f][0-9A-Fa-f])+/g;

/** A distinguished name as certificates are compared with. */
function plainName(given: string): string {
  return given.replace(OCTETS, (octets) => {
    try {
      return decodeURIComponent(octets.replaceAll("\\", "%"));
    } catch {
      return octets;
    }
  });
}

/** SHA-256 as tools print it: hexadecimal digits in either case, with or without colons between the octets. */
export const FINGERPRINT: RegExp = /^[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}$/;

function plainFingerprint(given: string): string {
  return given.replaceAll(":", "").toLowerCase();
}

/** A certificate for `*.example.com` itself is no name below it, and is asked for by that text. */
function nameHolds(pattern: string, name: string): boolean {
  if (name === pattern) return true;
  return pattern.startsWith("*.") && !name.startsWith("*") && name.length > pattern.length - 1 && name.endsWith(pattern.slice(1));
}

/** `spiffe://example/shop/*` takes every URI with that beginning; otherwise the whole URI must be equal. */
function uriHolds(pattern: string, uri: string): boolean {
  return pattern.endsWith("/*") ? uri.length >= pattern.length && uri.startsWith(pattern.slice(0, -1)) : uri === pattern;
}
