/** What the connections of a listener share in one thread, and who may become one. */
import type { CidrSet } from "../../base/cidr.ts";
import type { Config } from "../../config/schema.ts";
import { IdleReaders } from "../../http1/idle-readers.ts";
import type { MessageLimits } from "../../http1/limits.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { clientKey } from "../../base/client-key.ts";
import { NO_SOCKETS } from "../../proxy/exchange/answers.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { ClientConnection } from "../h1/client/client-connection.ts";
import { ListenerNotices } from "./listener-notices.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { Thread } from "../thread.ts";
import type { OpenTransport } from "../transport/transport.ts";

export type ListenerConfig = Config["listeners"][number];

/** Who may speak for others, and in which field. */
export interface Trust {
  readonly proxies: CidrSet;
  readonly addressFrom: Config["client_address_from"];
}

/** As what a Unix socket's peer is logged and forwarded. */
const THIS_MACHINE = "127.0.0.1";
/** Connections looked at, for one that is idle, when sockets are short. */
const IDLE_LOOKS = 64;

export class ListenerContext {
  readonly plane: Thread;
  /** Its place in the worker table; see control/listener-slots.ts. */
  readonly slot: number;
  config: ListenerConfig;
  limits: MessageLimits;
  trusted: CidrSet;
  addressFrom: Config["client_address_from"];
  readonly connections: Set<ClientConnection> = new Set();
  readonly notices: ListenerNotices;
  private readonly idleReaders: IdleReaders<RequestReader> = new IdleReaders(() => new RequestReader(this.limits));
  /** Nothing new is taken, and what runs may end: the process ends, or a reload has removed the listener. */
  draining: boolean = false;
  /** Clients that cannot be served wait in the system's queue, for the listener accepts none; where it cannot do that, they are told so. */
  canWait: boolean = true;
  /** Many connections come from one address: they share its text, and two are soon known for equal. */
  private lastPeer: string = THIS_MACHINE;
  /** Goes around the connections, looking for idle ones to give up. */
  private looking: Iterator<ClientConnection> | null = null;

  constructor(plane: Thread, slot: number, config: ListenerConfig, trust: Trust) {
    this.plane = plane;
    this.slot = slot;
    this.notices = new ListenerNotices(plane, slot);
    this.config = config;
    this.limits = limitsOf(config);
    this.trusted = trust.proxies;
    this.addressFrom = trust.addressFrom;
  }

  /** A reload changes what new connections, and the next requests of open ones, meet. */
  update(config: ListenerConfig, trust: Trust): void {
    this.config = config;
    this.limits = limitsOf(config);
    this.trusted = trust.proxies;
    this.addressFrom = trust.addressFrom;
  }

  /**
   * False: there is no place for another one after it.
   * @param peer the other end's address; null: a Unix socket, whose peer is this machine
   */
  accept(open: OpenTransport, peer: string | null): boolean {
    const { plane, slot } = this;
    plane.tick();
    plane.metrics.add(CounterId.connections_accepted, 1);
    plane.countSocket(1);
    if (peer !== this.lastPeer) this.lastPeer = peer ?? THIS_MACHINE;
    const client = this.lastPeer;
    const trusted = this.trusted.contains(client);
    // Counted first and judged then, so that two threads cannot both take the last place.
    plane.workers.addConnection(plane.workerIndex, slot, clientKey(client), 1);
    const { connections, connections_per_client: perClient } = this.config.limits;
    const isFull = plane.workers.connections(slot) > connections;
    if (isFull || (!trusted && plane.workers.connectionsOf(slot, clientKey(client)) > perClient)) {
      this.notices.onRefused(isFull ? "connections" : "connections_per_client", client);
      this.turnAway(open, client);
      return true;
    }
    const isLast = plane.shortOfSockets() && !this.makePlace();
    const refused = isLast && !this.canWait;
    if (refused && plane.outOfSockets()) {
      this.turnAway(open, client);
      return false;
    }
    plane.metrics.add(CounterId.connections_open, 1);
    const connection = new ClientConnection(this, open, { address: client, trusted });
    this.connections.add(connection);
    if (refused) {
      plane.metrics.add(CounterId.connections_refused, 1);
      connection.turnAway(NO_SOCKETS);
    }
    return !isLast;
  }

  /** Nothing new is begun on its connections, which end with what they carry. The sockets that it listens on have been closed. */
  drain(): void {
    this.draining = true;
    for (const connection of this.connections) connection.drain();
  }

  /** Ends all connections at once; how many exchanges were cut. */
  cut(): number {
    let cut = 0;
    for (const connection of this.connections) if (connection.cutNow()) cut++;
    return cut;
  }

  /** Whether there is place for one more. If not, and one idle connection can make it, there will be. */
  hasPlace(): boolean {
    if (!this.plane.shortOfSockets()) return true;
    this.makePlace();
    return false;
  }

  /** For a connection that begins to be asked. */
  takeReader(): RequestReader {
    const reader = this.idleReaders.take();
    reader.limitTo(this.limits);
    return reader;
  }

  /** One that stands behind its last message, with nothing unread. */
  giveReaderBack(reader: RequestReader): void {
    reader.forget();
    this.idleReaders.giveBack(reader);
  }

  /** The connection is gone; false if that was known. */
  forget(connection: ClientConnection): boolean {
    if (!this.connections.delete(connection)) return false;
    this.plane.metrics.add(CounterId.connections_open, -1);
    this.uncount(connection.peer);
    return true;
  }

  private turnAway(open: OpenTransport, client: string): void {
    this.plane.metrics.add(CounterId.connections_refused, 1);
    const nobody = { onRead: () => {}, onEnd: () => {}, onWritten: () => {}, onWriteFailed: () => {} };
    open({ ...nobody, readBuffer: sharedBuffer, onClosed: () => this.uncount(client) }, nobody).destroy();
  }

  private uncount(client: string): void {
    const { plane, slot } = this;
    plane.countSocket(-1);
    plane.workers.addConnection(plane.workerIndex, slot, clientKey(client), -1);
  }

  /** Gives up an idle connection for a new one; false when none was found among the next few. */
  private makePlace(): boolean {
    for (let looked = 0; looked < IDLE_LOOKS; looked++) {
      this.looking ??= this.connections.values();
      const next = this.looking.next();
      if (next.done === true) {
        this.looking = null;
        if (this.connections.size === 0) return false;
      } else if (next.value.closeIfIdle()) return true;
    }
    return false;
  }
}

/** Of a request's head. */
export function limitsOf(config: ListenerConfig): MessageLimits {
  return {
    headBytesMax: config.limits.head_bytes,
    fieldsMax: config.limits.headers,
    startLineBytesMax: config.limits.request_line,
  };
}
