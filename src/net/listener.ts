/** Accepts the connections of one listener in one thread. */
import net from "node:net";
import type { Socket } from "node:net";
import type { CidrSet } from "../base/cidr.ts";
import { FieldEdits } from "../http/field-edits.ts";
import type { Config } from "../config/schema.ts";
import type { MessageLimits } from "../http1/limits.ts";
import { clientKey } from "../policy/rate-limit/client-key.ts";
import { NO_SOCKETS } from "../proxy/answers.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { ListenTarget } from "../shared/protocol.ts";
import { Http1Downstream } from "./http1-downstream.ts";
import { answerText } from "./response-writer.ts";
import type { Thread } from "./thread.ts";

type ListenerConfig = Config["listeners"][number];

/** Who may speak for others, and in which field. */
export interface Trust {
  readonly proxies: CidrSet;
  readonly addressFrom: Config["client_address_from"];
}

/** What the connections of a listener share, and who may become one. */
export class ListenerContext {
  readonly plane: Thread;
  /** Position in the configuration. */
  readonly index: number;
  config: ListenerConfig;
  limits: MessageLimits;
  trusted: CidrSet;
  addressFrom: Config["client_address_from"];
  readonly connections: Set<Http1Downstream> = new Set();
  /** Goes around the connections, looking for idle ones to give up. */
  private shedding: Iterator<Http1Downstream> | null = null;

  constructor(plane: Thread, index: number, config: ListenerConfig, trust: Trust) {
    this.plane = plane;
    this.index = index;
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

  /** @param peer the other end's address; null: a Unix socket, whose peer is this machine */
  accept(socket: Socket, peer: string | null): void {
    const { plane, index } = this;
    plane.tick();
    plane.metrics.add(CounterId.connections_accepted, 1);
    plane.countSocket(1);
    const client = peer ?? THIS_MACHINE;
    const trusted = this.trusted.contains(client);
    // Counted first and judged then, so that two threads cannot both take the last place.
    plane.workers.addConnection(plane.workerIndex, index, clientKey(client), 1);
    const { connections, connections_per_client: perClient } = this.config.limits;
    if (plane.workers.connections(index) > connections) return this.turnAway(socket, client);
    if (!trusted && plane.workers.connectionsOf(index, clientKey(client)) > perClient) return this.turnAway(socket, client);
    if (plane.outOfSockets() && !this.shedIdle()) {
      socket.end(answerText(NO_SOCKETS, new FieldEdits(), false, false, true, plane.now + plane.epochOffset), "latin1");
      return this.turnAway(socket, client);
    }
    plane.metrics.add(CounterId.connections_open, 1);
    this.connections.add(new Http1Downstream(this, socket, { address: client, trusted }));
  }

  /** The connection is gone; false if that was known. */
  forget(connection: Http1Downstream): boolean {
    if (!this.connections.delete(connection)) return false;
    this.plane.metrics.add(CounterId.connections_open, -1);
    this.uncount(connection.peer);
    return true;
  }

  private turnAway(socket: Socket, client: string): void {
    this.plane.metrics.add(CounterId.connections_refused, 1);
    socket.on("error", () => {});
    socket.once("close", () => this.uncount(client));
    socket.destroySoon();
  }

  private uncount(client: string): void {
    const { plane, index } = this;
    plane.countSocket(-1);
    plane.workers.addConnection(plane.workerIndex, index, clientKey(client), -1);
  }

  /** Gives up an idle connection for a new one; false when none was found among the next few. */
  private shedIdle(): boolean {
    for (let looked = 0; looked < SHED_LOOKS; looked++) {
      this.shedding ??= this.connections.values();
      const next = this.shedding.next();
      if (next.done === true) {
        this.shedding = null;
        if (this.connections.size === 0) return false;
      } else if (next.value.closeIfIdle()) return true;
    }
    return false;
  }
}

/** As what a Unix socket's peer is logged and forwarded. */
const THIS_MACHINE = "127.0.0.1";
/** Connections looked at, for one that is idle, when descriptors are short. */
const SHED_LOOKS = 64;

export class Listener {
  readonly context: ListenerContext;
  private readonly server: net.Server;

  constructor(context: ListenerContext) {
    this.context = context;
    this.server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
  }

  /** Resolves when it accepts connections; rejects with the system's error. */
  listen(target: ListenTarget): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(options(target), () => {
        this.server.off("error", reject);
        this.server.on("error", (error: NodeJS.ErrnoException) => {
          this.context.plane.report("error", "accept_failed", `a listener failed: ${error.code ?? error.message}`);
        });
        resolve();
      });
    });
  }

  private accept(socket: Socket): void {
    if (typeof this.server.address() === "string") return this.context.accept(socket, null);
    const address = socket.remoteAddress;
    // The client has reset it already; what it had sent might still be there to be read, from nobody knows whom.
    if (address === undefined) socket.destroy();
    else this.context.accept(socket, plainAddress(address));
  }

  /** Stops accepting. Open connections go on. */
  close(): void {
    this.server.close();
  }
}

/** IPv4-mapped IPv6 addresses as IPv4: so they are logged, forwarded and counted. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

function options(target: ListenTarget): net.ListenOptions {
  // Room for a burst of connects while the thread is busy; the kernel caps it at net.core.somaxconn.
  const backlog = 4096;
  switch (target.kind) {
    case "tcp":
      return { host: target.host, port: target.port, backlog, ...(target.reusePort ? { reusePort: true } : {}) };
    case "unix":
      return { path: target.path, backlog };
    case "fd":
      return { fd: target.fd, backlog } as net.ListenOptions;
  }
}

function limitsOf(config: ListenerConfig): MessageLimits {
  return {
    headBytesMax: config.limits.head_bytes,
    fieldsMax: config.limits.headers,
    startLineBytesMax: config.limits.request_line,
  };
}
