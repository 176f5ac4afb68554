import type { ProxiedConnection } from "../../proxy/ports/proxied-connection.ts";
import type { TlsFacts } from "../../proxy/ports/tls-facts.ts";

/** What is known of a connection when it is accepted and its handshake, if any, is finished. */
export interface ConnectionFacts {
  /** Address of the connection's other end, without port. */
  readonly peer: string;
  /** Address of the client: the peer, or the client for which the peer said in the handshake that it connects. */
  readonly client: string;
  /** The client's connection is encrypted (https). */
  readonly secure: boolean;
  /** The TLS connection; null: it is not encrypted, or a program around the proxy has decrypted it. */
  readonly tls: TlsFacts | null;
  /** What a load balancer said of the connection in the PROXY protocol; null: the listener does not expect it. */
  readonly proxied: ProxiedConnection | null;
}
