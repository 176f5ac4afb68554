/** Why a client's certificate is refused, in words for whoever runs the proxy. The codes are those of `judgeClient` and of OpenSSL. */
import { X509Certificate } from "node:crypto";
import { distinguishedName } from "./client-certificate.ts";

/** A connection that was refused because of the client's certificate. */
export interface RefusedCertificate {
  readonly client: string;
  /** The name in SNI; null: none. */
  readonly serverName: string | null;
  readonly code: string;
  /** The reason in words. */
  readonly why: string;
  /** Whom the certificate claims to be of; "": it shows none. */
  readonly subject: string;
}

/** OpenSSL's code where it has refused the client itself, because it must show a certificate and did not. */
export const NO_CERTIFICATE = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";

const UNKNOWN_ISSUER = "it is signed by nobody in client_certificates.ca_file";
const NONE_SHOWN = "none was shown, and client_certificates.mode is required";

const WORDS: Readonly<Record<string, string>> = {
  no_certificate: NONE_SHOWN,
  [NO_CERTIFICATE]: NONE_SHOWN,
  CERT_REVOKED: "it is revoked (client_certificates.crl_file)",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  CERT_CHAIN_TOO_LONG: "more certificates stand between it and a trusted one than client_certificates.verify_depth allows",
  CRL_HAS_EXPIRED: "a list in client_certificates.crl_file is out of date",
  UNABLE_TO_GET_CRL: "client_certificates.crl_file has no list of an authority that has signed it",
  INVALID_PURPOSE: "its extended key usage does not allow it for clients",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_ISSUER,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_ISSUER,
};

export function refusalInWords(code: string): string {
  return (Object.hasOwn(WORDS, code) ? WORDS[code] : undefined) ?? code.toLowerCase().replaceAll("_", " ");
}

/** Most characters of a subject in the log: whoever is refused has written it himself. */
const SUBJECT_MAX = 200;

/** The subject of a certificate that was not trusted; "" if it has none that can be read. */
export function claimedSubject(der: Uint8Array | undefined): string {
  if (der === undefined) return "";
  try {
    return distinguishedName(new X509Certificate(der).subject).slice(0, SUBJECT_MAX);
  } catch {
    return "";
  }
}
