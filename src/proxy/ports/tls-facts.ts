/** What is known of a TLS connection. */
export interface TlsFacts {
  /** The version that was agreed upon. */
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
  /** The name in SNI, in lower case; null: the client named none. */
  readonly serverName: string | null;
  /** The protocol that ALPN chose; null: none. */
  readonly protocol: string | null;
  /** Whether the handshake resumed an earlier session. */
  readonly resumed: boolean;
  /** The client's verified certificate; null: it sent none, or none was asked for. */
  readonly certificate: ClientCertificate | null;
  /** @internal */
  readonly rule: TlsRule;
}

/** What a listener with TLS says of the requests on one of its connections. */
export interface TlsRule {
  /** The client's certificate was refused: no request is served. */
  readonly refusesAll: boolean;
  /** Whether a request for this host (lower case, without port) belongs here: no other certificate or client-certificate rule serves it. */
  admits(host: string): boolean;
  /** Whether the listener still asks the same of clients that come by this connection's name: certificates, authorities, revocation lists. */
  isCurrent(): boolean;
}

/** The rule of a connection on which everything is served. */
export const UNRULED: TlsRule = { refusesAll: false, admits: () => true, isCurrent: () => true };

/** A client's certificate that was verified. */
export interface ClientCertificate {
  /** The field in which endpoints get it; null: none. */
  readonly forward: "Client-Cert" | "xfcc" | null;
  /** The certificate, DER-encoded. */
  readonly der: Uint8Array;
  /** The other certificates that the client sent, in its order, without the trust anchor, DER-encoded. */
  readonly chain: readonly Uint8Array[];
  /** Distinguished name of the subject (RFC 4514), such as `CN=alice,O=Example`. */
  readonly subject: string;
  /** Distinguished name of the authority that has signed it, in the same form. */
  readonly issuer: string;
  /** Hexadecimal, upper case. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate: 64 hexadecimal digits, lower case. */
  readonly fingerprint: string;
  /** Names of hosts among the alternative names, as they stand there. */
  readonly dnsNames: readonly string[];
  /** URIs among the alternative names. */
  readonly uris: readonly string[];
  /** E-mail addresses among the alternative names. */
  readonly emails: readonly string[];
}
