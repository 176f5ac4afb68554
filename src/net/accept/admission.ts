/** Who may become a connection of a listener: its limits, the descriptors that are left, and the handshake where there is one. */
import { clientKey } from "../../base/client-key.ts";
import { NO_SOCKETS } from "../../proxy/exchange/answers.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import { PendingHandshake } from "./handshake.ts";
import type { Handshake, HandshakeTaker } from "./handshake.ts";
import type { ListenerContext } from "./listener-context.ts";

/** As what a Unix socket's peer is logged and forwarded. */
const THIS_MACHINE = "127.0.0.1";
/** Connections looked at, for one that is idle, when sockets are short. */
const IDLE_LOOKS = 64;

export class Admission implements HandshakeTaker {
  /** Of every connection, before its first byte; null: the first byte is one of HTTP. */
  handshake: Handshake | null = null;
  /** Clients that cannot be served wait in the system's queue, for the listener accepts none; where it cannot do that, they are told so. */
  canWait: boolean = true;
  private readonly context: ListenerContext;
  /** Many connections come from one address: they share what is known of it, and two are soon known for equal. */
  private lastFacts: ConnectionFacts = plainFacts(THIS_MACHINE);
  /** Goes around the connections, looking for idle ones to give up. */
  private looking: Iterator<AcceptedConnection> | null = null;

  constructor(context: ListenerContext) {
    this.context = context;
  }

  /**
   * False: there is no place for another one after it.
   * @param peer the other end's address; null: a Unix socket, whose peer is this machine
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
    // Counted first and judged then, so that two threads cannot both take the last place.
    this.count(client, 1);
    if (!this.isWithinLimits(client, isTrusted)) {
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
    const { handshake } = this;
    const connection =
      handshake === null ? context.connect(context, open, facts, isTrusted) : new PendingHandshake(context, this, handshake, open, client);
    context.connections.add(connection);
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
      // From here on it is a connection of the one for whom the peer connects.
      this.count(client, 1);
      this.count(pending.peer, -1);
      if (!this.isWithinLimits(client, isTrusted)) {
        context.thread.metrics.add(CounterId.connections_open, -1);
        return this.turnAway(open, client);
      }
    }
    const connection = context.connect(context, open, facts, isTrusted);
    context.connections.add(connection);
    if (context.draining) connection.drain();
  }

  /** Whether there is place for one more. If not, and one idle connection can make it, there will be. */
  hasPlace(): boolean {
    if (!this.context.thread.shortOfSockets()) return true;
    this.makePlace();
    return false;
  }

  /** The connection of that client is gone. */
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

  /** Gives up an idle connection for a new one; false when none was found among the next few. */
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
  return { peer, client: peer, secure: false, tls: null };
}
