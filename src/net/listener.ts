/** Accepts the connections of one listener in one thread. */
import net from "node:net";
import type { Socket } from "node:net";
import type { CidrSet } from "../base/cidr.ts";
import type { Config } from "../config/schema.ts";
import type { MessageLimits } from "../http1/limits.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { ListenTarget } from "../shared/protocol.ts";
import { Http1Downstream } from "./http1-downstream.ts";
import type { Thread } from "./thread.ts";

type ListenerConfig = Config["listeners"][number];

/** What the connections of a listener share. */
export class ListenerContext {
  readonly plane: Thread;
  timeouts: ListenerConfig["timeouts"];
  limits: MessageLimits;
  bodyRate: number;
  connectionsMax: number;
  trusted: CidrSet;
  readonly connections: Set<Http1Downstream> = new Set();

  constructor(plane: Thread, config: ListenerConfig, trusted: CidrSet) {
    this.plane = plane;
    this.timeouts = config.timeouts;
    this.limits = limitsOf(config);
    this.bodyRate = config.limits.body_rate;
    this.connectionsMax = config.limits.connections;
    this.trusted = trusted;
  }

  /** A reload changes what new connections, and the next requests of open ones, meet. */
  update(config: ListenerConfig, trusted: CidrSet): void {
    this.timeouts = config.timeouts;
    this.limits = limitsOf(config);
    this.bodyRate = config.limits.body_rate;
    this.connectionsMax = config.limits.connections;
    this.trusted = trusted;
  }

  accept(socket: Socket): void {
    this.plane.tick();
    this.plane.metrics.add(CounterId.connections_accepted, 1);
    if (this.connections.size >= this.connectionsMax) {
      this.plane.metrics.add(CounterId.connections_refused, 1);
      socket.destroy();
      return;
    }
    this.plane.metrics.add(CounterId.connections_open, 1);
    this.connections.add(new Http1Downstream(this, socket));
  }

  /** The connection is gone; false if that was known. */
  forget(connection: Http1Downstream): boolean {
    if (!this.connections.delete(connection)) return false;
    this.plane.metrics.add(CounterId.connections_open, -1);
    return true;
  }
}

export class Listener {
  readonly context: ListenerContext;
  private readonly server: net.Server;

  constructor(context: ListenerContext) {
    this.context = context;
    this.server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => context.accept(socket));
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

  /** Stops accepting. Open connections go on. */
  close(): void {
    this.server.close();
  }
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
