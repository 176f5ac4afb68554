/** Accepts the connections of one listener in one thread. */
import net from "node:net";
import { getSystemErrorName } from "node:util";
import type { CidrSet } from "../base/cidr.ts";
import { FieldEdits } from "../http/field-edits.ts";
import type { Config } from "../config/schema.ts";
import type { MessageLimits } from "../http1/limits.ts";
import { clientKey } from "../policy/rate-limit/client-key.ts";
import { NO_SOCKETS } from "../proxy/answers.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { ListenTarget } from "../shared/protocol.ts";
import { Http1Downstream } from "./http1-downstream.ts";
import { acceptHandles, rawAccess } from "./raw-access.ts";
import type { RawHandle } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { answerText } from "./response-writer.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { Thread } from "./thread.ts";
import type { OpenTransport } from "./transport.ts";

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
  accept(open: OpenTransport, peer: string | null): void {
    const { plane, index } = this;
    plane.tick();
    plane.metrics.add(CounterId.connections_accepted, 1);
    plane.countSocket(1);
    const client = peer ?? THIS_MACHINE;
    const trusted = this.trusted.contains(client);
    // Counted first and judged then, so that two threads cannot both take the last place.
    plane.workers.addConnection(plane.workerIndex, index, clientKey(client), 1);
    const { connections, connections_per_client: perClient } = this.config.limits;
    if (plane.workers.connections(index) > connections) return this.turnAway(open, client);
    if (!trusted && plane.workers.connectionsOf(index, clientKey(client)) > perClient) return this.turnAway(open, client);
    if (plane.outOfSockets() && !this.shedIdle()) {
      const answer = answerText(NO_SOCKETS, new FieldEdits(), false, false, true, plane.now + plane.epochOffset);
      return this.turnAway(open, client, answer);
    }
    plane.metrics.add(CounterId.connections_open, 1);
    this.connections.add(new Http1Downstream(this, open, { address: client, trusted }));
  }

  /** The connection is gone; false if that was known. */
  forget(connection: Http1Downstream): boolean {
    if (!this.connections.delete(connection)) return false;
    this.plane.metrics.add(CounterId.connections_open, -1);
    this.uncount(connection.peer);
    return true;
  }

  private turnAway(open: OpenTransport, client: string, answer: string = ""): void {
    this.plane.metrics.add(CounterId.connections_refused, 1);
    const nobody = { onRead: () => {}, onEnd: () => {}, onWritten: () => {}, onWriteFailed: () => {} };
    const transport = open({ ...nobody, readBuffer: sharedBuffer, onClosed: () => this.uncount(client) }, nobody);
    if (answer !== "") transport.write(answer);
    transport.destroySoon();
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
    // Where handles are accepted past this server, it never sees a connection.
    this.server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
      const { remoteAddress } = socket;
      const open: OpenTransport = (reader, writer) => new StreamTransport(socket, reader, writer);
      if (this.onUnixSocket()) this.context.accept(open, null);
      else if (remoteAddress === undefined) socket.destroy();
      else this.context.accept(open, plainAddress(remoteAddress));
    });
  }

  /** Resolves when it accepts connections; rejects with the system's error. */
  listen(target: ListenTarget): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(options(target), () => {
        this.server.off("error", reject);
        this.server.on("error", (error: NodeJS.ErrnoException) => this.reportFailure(error.code ?? error.message));
        this.acceptHandles();
        resolve();
      });
    });
  }

  private acceptHandles(): void {
    const access = rawAccess();
    if (access === null) return;
    const onUnixSocket = this.onUnixSocket();
    acceptHandles(this.server, (handle, status) => {
      if (handle === null) return this.reportFailure(status === 0 ? "the connection cannot be used" : getSystemErrorName(status));
      const peer = onUnixSocket ? null : peerOf(handle);
      // The client has reset it already; what it had sent might still be there to be read, from nobody knows whom.
      if (peer === undefined) return handle.close();
      handle.setNoDelay?.(true);
      this.context.accept((reader, writer) => new RawTransport(access, handle, reader, writer), peer);
    });
  }

  /** By its path, or inherited: then it has no address that Node knows. */
  private onUnixSocket(): boolean {
    const address = this.server.address();
    return address === null || typeof address === "string";
  }

  private reportFailure(what: string): void {
    this.context.plane.report("error", "accept_failed", `a listener failed: ${what}`);
  }

  /** Stops accepting. Open connections go on. */
  close(): void {
    this.server.close();
  }
}

/** The other end's address; undefined when it is gone already. */
function peerOf(handle: RawHandle): string | undefined {
  const into: { address?: string } = {};
  const status = handle.getpeername?.(into);
  return status === 0 && into.address !== undefined ? plainAddress(into.address) : undefined;
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
