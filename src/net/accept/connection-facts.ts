/** What is known of a connection before its first byte. */
export interface ConnectionFacts {
  /** Address of the other end. */
  readonly peer: string;
  /** Address of whoever speaks: the peer, or the one that the peer connects for. */
  readonly client: string;
  /** Nobody on the way to the peer can read or change what passes. */
  readonly secure: boolean;
  /** What TLS tells of the client; null: it speaks none. */
  readonly tls: null;
}
