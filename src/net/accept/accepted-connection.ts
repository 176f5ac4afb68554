import type { LocalAnswer } from "../../proxy/local-answer.ts";

/** A client's connection as its listener sees it, in any protocol, and during the handshake too. */
export interface AcceptedConnection {
  /** Address of the client for whom the connection is counted. */
  readonly peer: string;
  /** Whether the listener would still accept the connection in the same way: its rule for client certificates has not changed. */
  readonly isCurrent: boolean;
  /** The connection takes no new requests, and closes when its exchanges have ended: the listener drains, or the connection is not current. */
  drain(): void;
  /** Closes the connection if it is idle and has served a request before. Returns true if it was closed. */
  closeIfIdle(): boolean;
  /** Sends the answer without waiting for a request, and closes the connection. */
  turnAway(answer: LocalAnswer): void;
  /** Closes the connection at once. Returns true if an exchange was cut. */
  cutNow(): boolean;
}
