import type { ForwardedPathFields, UnsafeFieldNames } from "../../config/schema/listener-schema.ts";
import type { BelievedForwarded } from "../../http/forwarded.ts";
import type { OwnAnswers } from "./own-answers.ts";
import type { ProxiedConnection } from "./proxied-connection.ts";
import type { TlsFacts } from "./tls-facts.ts";

/** Who sends a request, and which of its forwarding fields are believed. */
export interface ClientFacts {
  /** Address of the connection's other end, without port. "": it is not known, or there is no client. */
  readonly peer: string;
  /** Address of the client, as trusted proxies tell it; else that of the peer. */
  readonly client: string;
  /** Whether the peer is one of `trusted_proxies`. */
  readonly trusted: boolean;
  /** Whether the request came over https. */
  readonly secure: boolean;
  /** The TLS connection of the peer; null: it is not encrypted, or a program around the proxy has decrypted it. */
  readonly tls: TlsFacts | null;
  /**
   * The field lines in which endpoints get the certificate of the peer, each with its line end; "": they get none. In a request of the proxy's own, the lines
   * in which it says for whom the request is.
   */
  readonly certificateLines: string;
  /** What is answered before a route is looked for; null: nothing. */
  readonly ownAnswers: OwnAnswers | null;
  /** What trusted proxies said in Forwarded; null: that field is absent or not believed. */
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
  /** What becomes of fields such as X-Original-URL of a sender that is no trusted proxy. */
  readonly forwardedPathFields: ForwardedPathFields;
  /** What a load balancer said of the client's connection in the PROXY protocol; null: the listener does not expect it. */
  readonly proxied: ProxiedConnection | null;
}
