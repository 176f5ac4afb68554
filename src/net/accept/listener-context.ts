/** What the connections of a listener share in one thread. Who may become one: admission.ts. */
import type { CidrSet } from "../../base/cidr.ts";
import type { Config } from "../../config/schema.ts";
import { IdleReaders } from "../../http1/idle-readers.ts";
import type { MessageLimits } from "../../http1/limits.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { CounterId } from "../../shared/metric-table.ts";
import { ListenerNotices } from "./listener-notices.ts";
import type { ConnectionThread } from "../connection-thread.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import { Admission } from "./admission.ts";
import type { MakeConnection } from "./protocol.ts";

export type ListenerConfig = Config["listeners"][number];

/** Who may speak for others, and in which field. */
export interface Trust {
  readonly proxies: CidrSet;
  readonly addressFrom: Config["client_address_from"];
}

export class ListenerContext {
  readonly thread: ConnectionThread;
  /** Makes its connections. */
  readonly connect: MakeConnection;
  /** Its place in the worker table; see control/listener-slots.ts. */
  readonly slot: number;
  config: ListenerConfig;
  limits: MessageLimits;
  trusted: CidrSet;
  addressFrom: Config["client_address_from"];
  /** All of them, those in their handshake too. */
  readonly connections: Set<AcceptedConnection> = new Set();
  readonly admission: Admission = new Admission(this);
  readonly notices: ListenerNotices;
  private readonly idleReaders: IdleReaders<RequestReader> = new IdleReaders(() => new RequestReader(this.limits));
  /** Nothing new is taken, and what runs may end: the process ends, or a reload has removed the listener. */
  draining: boolean = false;

  constructor(thread: ConnectionThread, slot: number, config: ListenerConfig, trust: Trust, connect: MakeConnection) {
    this.connect = connect;
    this.thread = thread;
    this.slot = slot;
    this.notices = new ListenerNotices(thread, slot);
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
  forget(connection: AcceptedConnection): boolean {
    if (!this.connections.delete(connection)) return false;
    this.thread.metrics.add(CounterId.connections_open, -1);
    this.admission.uncount(connection.peer);
    return true;
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
