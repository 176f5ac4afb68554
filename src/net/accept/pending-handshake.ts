import { Timed } from "../../base/deadlines.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { AbortReason, Handshake, HandshakeEvents, HandshakeRun } from "./handshake.ts";
import type { ListenerContext } from "./listener-context.ts";

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

  refused(lingerMs: number): void {
    if (!this.isOver) this.endBy(lingerMs);
  }

  closed(): void {
    this.isOver = true;
    this.context.thread.deadlines.remove(this);
    this.context.forget(this);
  }

  onDeadline(): void {
    this.abort("timed_out");
  }

  drain(): void {
    if (!this.isOver) this.endBy(DRAIN_MS);
  }

  /** What the listener asks of the client is looked up when the handshake is finished. */
  get isCurrent(): boolean {
    return true;
  }

  /** A connection in its handshake is never idle: its client has just come. */
  closeIfIdle(): boolean {
    return false;
  }

  /** Closes without sending the answer, because the protocol is not known yet. */
  turnAway(): void {
    this.abort("turned_away");
  }

  cutNow(): boolean {
    this.abort("turned_away");
    return false;
  }

  private abort(why: AbortReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.context.thread.deadlines.remove(this);
    this.run.abort(why);
  }

  /** Brings the end forward. */
  private endBy(ms: number): void {
    const { deadlines, now } = this.context.thread;
    if (this.dueTick > deadlines.tickOf(now + ms)) this.endWithin(ms);
  }

  private endWithin(ms: number): void {
    const { deadlines, now } = this.context.thread;
    deadlines.set(this, now + ms);
  }
}
