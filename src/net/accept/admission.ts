/**
 * Decides whether an accepted socket becomes a connection of the listener: by the listener's limits and by the file descriptors that are
 * left. Then begins the handshake, if the listener has one, or the connection.
 */
import { clientKey } from "../../base/client-key.ts";
import { NO_SOCKETS } from "../../proxy/exchange/answers.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { Handshake } from "./handshake.ts";
import type { ListenerContext } from "./listener-context.ts";
import { PendingHandshake } from "./pending-handshake.ts";
import type { HandshakeTaker } from "./pending-handshake.ts";

/** The address under which the client on a Unix socket is logged and forwarded. */
const THIS_MACHINE = "127.0.0.1";
/** How many connections are searched for an idle one when file descriptors are short. */
const IDLE_LOOKS = 64;

export class Admission implements HandshakeTaker {
  /** The handshake of every connection; null: the first byte belongs to HTTP. */
  handshake: Handshake | null = null;
  /**
   * Whether the listener can pause, so that clients wait in the system's queue when file descriptors are short. If it cannot, they get a
   * 503.
   */
  canWait: boolean = true;
  private readonly context: ListenerContext;
  /** Facts of the last connection. Consecutive connections from one address share this object. */
  private lastFacts: ConnectionFacts = plainFacts(THIS_MACHINE);
  /** Where the search for idle connections stands, so that each search goes on after the one before. */
  private looking: Iterator<AcceptedConnection> | null = null;

  constructor(context: ListenerContext) {
    this.context = context;
  }

  /**
   * Takes a socket that was accepted, if the limits allow it. Returns false if there is no room for a further socket.
   * @param peer address of the other end; null: a Unix socket, whose client is on this machine
   */
  accept(open: OpenTransport, peer: string | null): boolean {
    const { context } = this;
    const { thread } = context;
    thread.tick();
    thread.metrics.add(CounterId.connections_accepted, 1);
    thread.countSocket(1);
    const facts = this.factsOf(peer ?? THIS_MACHINE);
    const { client } = facts;
    const isTrusted = context.trusted.contains(client);
    // Count first and check then, so that two threads cannot both take the last place.
    this.count(client, 1);
    const { handshake } = this;
    const speaksForMany = isTrusted || handshake?.speaksForMany(client) === true;
    if (!this.isWithinLimits(client, speaksForMany)) {
      this.turnAway(open, client);
      return true;
    }
    const limit = handshake?.limitFor(speaksForMany ? null : client) ?? null;
    if (limit !== null) {
      context.notices.onRefused(limit, client);
      this.turnAway(open, client);
      return true;
    }
    const isLast = thread.shortOfSockets() && !this.makePlace();
    const refused = isLast && !this.canWait;
    if (refused && thread.outOfSockets()) {
      this.turnAway(open, client);
      return false;
    }
    thread.metrics.add(CounterId.connections_open, 1);
    const connection =
      handshake === null ? context.connect(context, open, facts, isTrusted) : new PendingHandshake(context, this, handshake, open, client);
    this.add(connection);
    if (refused) {
      thread.metrics.add(CounterId.connections_refused, 1);
      connection.turnAway(NO_SOCKETS);
    }
    return !isLast;
  }

  handshakeFinished(pending: PendingHandshake, open: OpenTransport, facts: ConnectionFacts): void {
    const { context } = this;
    const { client } = facts;
    context.connections.delete(pending);
    const isTrusted = context.trusted.contains(client);
    if (client !== pending.peer) {
      // The peer connects for another client: the connection counts as that client's.
      this.count(client, 1);
      this.count(pending.peer, -1);
      if (!this.isWithinLimits(client, isTrusted)) {
        context.thread.metrics.add(CounterId.connections_open, -1);
        return this.turnAway(open, client);
      }
    }
    this.add(context.connect(context, open, facts, isTrusted));
  }

  /** Takes over a connection that a program around the proxy has accepted. No limit is checked: the program has found room for it. */
  adopt(open: OpenTransport, facts: ConnectionFacts): AcceptedConnection {
    const { context } = this;
    const { thread } = context;
    thread.countSocket(1);
    this.count(facts.client, 1);
    thread.metrics.add(CounterId.connections_open, 1);
    const connection = context.connect(context, open, facts, context.trusted.contains(facts.client));
    this.add(connection);
    return connection;
  }

  private add(connection: AcceptedConnection): void {
    const { context } = this;
    context.connections.add(connection);
    if (context.draining || !connection.isCurrent) connection.drain();
  }

  /** Whether there is room for one more connection. If not, closes an idle one, so that there will be. */
  hasPlace(): boolean {
    if (!this.context.thread.shortOfSockets()) return true;
    this.makePlace();
    return false;
  }

  /** Called when a connection of `client` has been closed. */
  uncount(client: string): void {
    this.context.thread.countSocket(-1);
    this.count(client, -1);
  }

  private count(client: string, delta: 1 | -1): void {
    const { thread, slot } = this.context;
    thread.workers.addConnection(thread.workerIndex, slot, clientKey(client), delta);
  }

  private isWithinLimits(client: string, isTrusted: boolean): boolean {
    const { thread, slot, notices, config } = this.context;
    const { connections, connections_per_client: perClient } = config.limits;
    const isFull = thread.workers.connections(slot) > connections;
    if (!isFull && (isTrusted || thread.workers.connectionsOf(slot, clientKey(client)) <= perClient)) return true;
    notices.onRefused(isFull ? "connections" : "connections_per_client", client);
    return false;
  }

  private factsOf(peer: string): ConnectionFacts {
    if (peer !== this.lastFacts.peer) this.lastFacts = plainFacts(peer);
    return this.lastFacts;
  }

  private turnAway(open: OpenTransport, client: string): void {
    this.context.thread.metrics.add(CounterId.connections_refused, 1);
    const nobody = { onRead: () => {}, onEnd: () => {}, onWritten: () => {}, onWriteFailed: () => {} };
    open({ ...nobody, readBuffer: sharedBuffer, onClosed: () => this.uncount(client) }, nobody).destroy();
  }

  /** Closes an idle connection to make room for a new one. Returns false if there is none among the next `IDLE_LOOKS`. */
  private makePlace(): boolean {
    const { connections } = this.context;
    for (let looked = 0; looked < IDLE_LOOKS; looked++) {
      this.looking ??= connections.values();
      const next = this.looking.next();
      if (next.done === true) {
        this.looking = null;
        if (connections.size === 0) return false;
      } else if (next.value.closeIfIdle()) return true;
    }
    return false;
  }
}

function plainFacts(peer: string): ConnectionFacts {
  return { peer, client: peer, secure: false, tls: null, proxied: null };
}
