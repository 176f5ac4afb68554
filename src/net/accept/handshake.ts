/**
 * What lies between an accepted connection and the first byte of its protocol: TLS, or a line in which a proxy says for whom it connects.
 *
 *     accepted --begin--> under way --finished--> a connection of its protocol
 *                             |  `--closed: by the client, by the handshake itself, or by an abort
 *                             `--abort: its time is over, the listener drains, descriptors are short
 *
 * A connection counts as one of the listener's from the start. A listener without a handshake has none of this.
 */
import { Timed } from "../../base/deadlines.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { ListenerContext } from "./listener-context.ts";

/** A kind of handshake. */
export interface Handshake {
  /** Time for all of it, in milliseconds: a client that says nothing, or a byte now and then, must not hold a connection for ever. */
  readonly limitMs: number;
  /** Begins with a connection that was accepted. Calls nothing of `events` before it has returned. */
  begin(open: OpenTransport, peer: string, events: HandshakeEvents): HandshakeRun;
}

/** The handshake of one connection. */
export interface HandshakeRun {
  /** Closes the connection; `closed` follows, and nothing else. */
  abort(): void;
}

export interface HandshakeEvents {
  /**
   * It is over. `open` makes the transport of what follows, and is called from within, at most once; bytes of the protocol that were read
   * already are given to its reader after this call has returned.
   */
  finished(open: OpenTransport, facts: ConnectionFacts): void;
  /** The connection is gone without having come so far. */
  closed(): void;
}

/** Whoever takes a connection on once its handshake is over. */
export interface HandshakeTaker {
  handshakeFinished(pending: PendingHandshake, open: OpenTransport, facts: ConnectionFacts): void;
}

/** Time that it still has when the listener drains: as long as an idle connection has for a last request. */
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

  /** Its client just came. */
  closeIfIdle(): boolean {
    return false;
  }

  /** Without a word: in what protocol it would be said is not known yet. */
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
