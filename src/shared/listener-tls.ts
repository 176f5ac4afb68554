/**
 * What a data-plane thread needs to serve TLS on a listener. The control plane reads the files that the configuration names, checks them and sends their
 * contents; threads make contexts of OpenSSL's from it. A changed file changes the object, and the next handshake uses it.
 */

/** The TLS settings of all listeners that have some, by the listener's slot in the worker table. */
export type TlsOfListeners = readonly (readonly [slot: number, tls: ListenerTls])[];

export interface ListenerTls {
  /** The certificates in file order. The first one serves clients that name none, and unless `strictSni` those that name an unknown one. */
  readonly certificates: readonly ServedCertificate[];
  /** Refuse a name that no certificate has, with the alert unrecognized_name (RFC 6066 section 3). */
  readonly strictSni: boolean;
  /** Ask the control plane for a certificate (`certificate-wanted`) when a client names a name that none has; the handshake waits. */
  readonly onDemand: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's cipher list: names for TLS 1.2 and suites of TLS 1.3 in one text, joined by colons. */
  readonly ciphers: string;
  /** OpenSSL's group list, joined by colons. */
  readonly curves: string;
  /** What plain HTTP on this port gets. */
  readonly plainHttp: "refuse" | "redirect";
  /** Keys of session tickets; the first one encrypts, the others still decrypt. The data plane derives keys per name and rule from them. Empty: no tickets. */
  readonly ticketKeys: readonly TicketKey[];
  /** Time limit of a whole handshake, in milliseconds. */
  readonly handshakeMs: number;
  /** How many handshakes may be under way at once in each thread. */
  readonly handshakesMax: number;
}

/** One key of session tickets (RFC 5077 section 4). */
export interface TicketKey {
  /** 16 bytes that stand in the ticket and name the key. */
  readonly name: Uint8Array;
  /** 32 secret bytes, from which the data plane derives. */
  readonly secret: Uint8Array;
}

/** A certificate with its key, and the names that it serves. */
export interface ServedCertificate {
  /** Lower case, as in the certificate: `example.com`, `*.example.com`, or an IP address. Internationalised names in their ASCII form. */
  readonly names: readonly string[];
  /** The leaf and the intermediate certificates after it, as PEM text. */
  readonly chain: string;
  /** The private key as PEM text, decrypted. */
  readonly key: string;
  /** Certificates of one name and of different kinds serve side by side: the client's offer decides. */
  readonly keyKind: "ecdsa" | "rsa" | "other";
  /** A DER-encoded OCSP response to staple; null: none. */
  readonly ocsp: Uint8Array | null;
  /** What is asked of clients under these names; null: no certificate is asked for. Equal rules are equal in all fields. */
  readonly clients: ClientCertificateRule | null;
  /** Set for the answer to an ACME challenge (RFC 8737): serves only clients that offer the protocol `acme-tls/1`, and closes after the handshake. */
  readonly isChallenge: boolean;
}

/** How client certificates are asked for and verified. */
export interface ClientCertificateRule {
  readonly mode: "optional" | "required";
  /** Trusted certificates as PEM text. */
  readonly ca: string;
  /** Revocation lists as PEM text; null: none. */
  readonly crl: string | null;
  /** How many intermediate certificates a client's chain may have. */
  readonly verifyDepth: number;
  /** The field in which endpoints get the certificate; null: none. */
  readonly forward: "Client-Cert" | "xfcc" | null;
}

/** Whether two rules ask the same of clients. */
export function sameRule(one: ClientCertificateRule | null, other: ClientCertificateRule | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.mode === other.mode &&
    one.ca === other.ca &&
    one.crl === other.crl &&
    one.verifyDepth === other.verifyDepth &&
    one.forward === other.forward
  );
}
