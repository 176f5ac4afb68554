/**
 * The step between accepting a connection and the first byte of its protocol, on listeners that have one: TLS, or a line in which a proxy
 * names the client for which it connects.
 *
 *     accepted --begin--> under way --finished--> a connection of the listener's protocol
 *                             |  `--closed: by the client, by the handshake itself, or after an abort
 *                             `--abort: the time limit is over, the listener drains, file descriptors are short
 *
 * A connection in its handshake counts as an open connection of the listener.
 */
import { Timed } from "../../base/deadlines.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { ListenerContext } from "./listener-context.ts";

/** A kind of handshake, set on a listener. */
export interface Handshake {
  /** Time limit for the whole handshake in milliseconds, so that a silent or slow client cannot hold a connection for ever. */
  readonly limitMs: number;
  /** Whether that peer connects for many clients, which the handshake will name: then the limit on one client's connections is not for the peer. */
  speaksForMany(peer: string): boolean;
  /** Begins the handshake on an accepted connection. Calls `events` only after it has returned. */
  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun;
}

/** The handshake of one connection. */
export interface HandshakeRun {
  /** Closes the connection. `closed` follows, no other event does. */
  abort(): void;
}

export interface HandshakeEvents {
  /**
   * The handshake has succeeded. `open` returns the transport for the protocol; it is called within this call, at most once. Bytes of the
   * protocol that were read already are given to the new reader after this call has returned.
   */
  finished(open: OpenTransport, facts: ConnectionFacts): void;
  /** The connection was closed before the handshake was finished. */
  closed(): void;
}

/** What takes a connection over when its handshake is finished: the listener's admission. */
export interface HandshakeTaker {
  handshakeFinished(pending: PendingHandshake, open: OpenTransport, facts: ConnectionFacts): void;
}

/** Time limit in milliseconds of a handshake once the listener drains: the same as an idle connection has for a last request. */
const DRAIN_MS = 500;

/** A connection whose handshake is under way. */
export class PendingHandshake extends Timed implements AcceptedConnection, HandshakeEvents {
  readonly peer: string;
  private readonly context: ListenerContext;
  private readonly taker: HandshakeTaker;
  private readonly run: HandshakeRun;
  private isOver: boolean = false;

  constructor(context: ListenerContext, taker: HandshakeTaker, handshake: Handshake, open: OpenTransport, peer: string) {
    super();
    this.context = context;
    this.taker = taker;
    this.peer = peer;
    this.run = handshake.begin(open, peer, this);
    this.endWithin(handshake.limitMs);
  }

  finished(open: OpenTransport, facts: ConnectionFacts): void {
    if (this.isOver) return;
    this.isOver = true;
    this.context.thread.deadlines.remove(this);
    this.taker.handshakeFinished(this, open, facts);
  }

  closed(): void {
    this.isOver = true;
    this.context.thread.deadlines.remove(this);
    this.context.forget(this);
  }

  onDeadline(): void {
    this.abort();
  }

  drain(): void {
    const { deadlines, now } = this.context.thread;
    if (!this.isOver && this.dueTick > deadlines.tickOf(now + DRAIN_MS)) this.endWithin(DRAIN_MS);
  }

  /** A connection in its handshake is never idle: its client has just come. */
  closeIfIdle(): boolean {
    return false;
  }

  /** Closes without sending the answer, because the protocol is not known yet. */
  turnAway(): void {
    this.abort();
  }

  cutNow(): boolean {
    this.abort();
    return false;
  }

  private abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.context.thread.deadlines.remove(this);
    this.run.abort();
  }

  private endWithin(ms: number): void {
    const { deadlines, now } = this.context.thread;
    deadlines.set(this, now + ms);
  }
}
