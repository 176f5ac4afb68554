/**
 * The step between accepting a connection and the first byte of its protocol, on listeners that have one: TLS, or a line in which a proxy
 * names the client for which it connects.
 *
 *     accepted --begin--> under way --finished--> a connection of the listener's protocol
 *                             |  |`--refused: the client is told, and given a moment to read it; then closed
 *                             |  `--closed: by the client, by the handshake itself, or after an abort
 *                             `--abort: the time limit is over, the listener drains, file descriptors are short
 *
 * A connection in its handshake counts as an open connection of the listener.
 */
import type { OpenTransport } from "../transport/transport.ts";
import type { ConnectionFacts } from "./connection-facts.ts";

/** A kind of handshake, set on a listener. */
export interface Handshake {
  /** Time limit for the whole handshake in milliseconds, so that a silent or slow client cannot hold a connection for ever. */
  readonly limitMs: number;
  /** Whether that peer connects for many clients, which the handshake will name: then the limit on one client's connections is not for the peer. */
  speaksForMany(peer: string): boolean;
  /**
   * The limit because of which no further handshake may begin, since too many are under way; null: one may.
   * @param client whose it would be; null: it speaks for many
   */
  limitFor(client: string | null): HandshakeLimit | null;
  /** Begins the handshake on an accepted connection. Calls `events` only after it has returned. */
  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun;
}

/** How many handshakes may be under way in a thread, and how many of them may be one client's. */
export type HandshakeLimit = "handshakes" | "handshakes_per_client";

/** The time limit is over, or the proxy needs the place or ends. */
export type AbortReason = "timed_out" | "turned_away";

/** The handshake of one connection. */
export interface HandshakeRun {
  /** Closes the connection at once. `closed` follows, no other event does. */
  abort(why: AbortReason): void;
}

export interface HandshakeEvents {
  /**
   * The handshake has succeeded. `open` returns the transport for the protocol; it is called within this call, at most once. Bytes of the
   * protocol that were read already are given to the new reader after this call has returned.
   */
  finished(open: OpenTransport, facts: ConnectionFacts): void;
  /** The handshake was refused. The client was told why, and has so many milliseconds to read that and close. `closed` follows. */
  refused(lingerMs: number): void;
  /** The connection was closed before the handshake was finished. */
  closed(): void;
}
