/**
 * The header of the PROXY protocol (haproxy.org/download/3.0/doc/proxy-protocol.txt, called "the specification" in this folder): with it the
 * sender of a connection says, before the first byte of the connection's own protocol, for which client it connects.
 */

/** The two ends of a connection: IP addresses as text in canonical form, IPv4-mapped ones as IPv4. A port that is not known is 0. */
export interface ConnectionAddresses {
  /** Address of the client. */
  readonly source: string;
  /** Port of the client. */
  readonly sourcePort: number;
  /** Address that the client connected to. */
  readonly destination: string;
  /** Port that the client connected to. */
  readonly destinationPort: number;
}

/** What a header of the PROXY protocol says. */
export interface ProxyHeader {
  /** 1: a line of text, 2: binary. */
  readonly version: 1 | 2;
  /**
   * The client's address and the one that it connected to. Null: the sender speaks for itself (LOCAL), or does not know (UNKNOWN, a Unix
   * socket): then the addresses of the connection itself count.
   */
  readonly addresses: ConnectionAddresses | null;
  /** What version 2 may say beyond the addresses; null: nothing. */
  readonly details: ProxyDetails | null;
}

/** Fields of the header that are known by name. Texts are as the sender wrote them; bytes that are no printable ASCII are `0x` and hex digits. */
export interface ProxyDetails {
  /** The name that the client asked for: SNI, when TLS ends at the sender. */
  readonly authority: string | null;
  /** The protocol that ALPN chose. */
  readonly alpn: string | null;
  /** The sender's id of the connection. */
  readonly uniqueId: string | null;
  /** The client's TLS connection to the sender; null: the client used none, or the sender does not tell. */
  readonly tls: ProxyTls | null;
}

/** A client's TLS connection that ends at the sender of the header. */
export interface ProxyTls {
  /** Such as `TLSv1.3`. */
  readonly version: string | null;
  /** The sender's name of the cipher suite. */
  readonly cipher: string | null;
  /** Common name of the client's certificate. */
  readonly commonName: string | null;
  /** Whether the client has shown a certificate that the sender verified. */
  readonly verified: boolean;
}

/** Why bytes are no header. The connection has no meaning then, and is closed. */
export type ProxyFault =
  /** The bytes begin like no header: a client that speaks another protocol. */
  "no_header" | "bad_line" | "bad_version" | "bad_command" | "bad_family" | "bad_length" | "bad_tlv" | "bad_checksum" | "too_long";

/**
 * What was made of bytes: a header and the position of the first byte after it, a fault, or that more bytes are needed.
 */
export type ProxyRead =
  | { readonly kind: "more" }
  | { readonly kind: "header"; readonly header: ProxyHeader; readonly end: number }
  | { readonly kind: "fault"; readonly fault: ProxyFault };

export const MORE: ProxyRead = { kind: "more" };

export function fault(what: ProxyFault): ProxyRead {
  return { kind: "fault", fault: what };
}

/** The bytes that every header of version 2 begins with: no text protocol takes them for a line. */
export const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
