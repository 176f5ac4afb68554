import { connectionExpiry } from "../http/keep-alive.ts";
import type { Exchange } from "../proxy/exchange.ts";
import type { Upstream } from "../proxy/ports.ts";
import type { EndpointTarget } from "../proxy/snapshot.ts";
import { Http1Upstream } from "./http1-upstream.ts";
import type { Thread } from "./thread.ts";

/**
 * A thread's idle connections to one endpoint, last in first out: the ones on top stay warm, the ones below reach their idle limit
 * and go. Kept across reloads for endpoints whose address and limits did not change.
 */
export class EndpointPool {
  private readonly thread: Thread;
  private readonly target: EndpointTarget;
  private readonly idle: Http1Upstream[] = [];
  private retired: boolean = false;

  constructor(thread: Thread, target: EndpointTarget) {
    this.thread = thread;
    this.target = target;
  }

  /** The most recently used idle connection, or null. */
  take(): Http1Upstream | null {
    for (;;) {
      const connection = this.idle.pop();
      if (connection === undefined) return null;
      if (connection.transport.readable && this.thread.now < connection.idleUntil) return connection;
      connection.close();
    }
  }

  dial(exchange: Exchange, target: EndpointTarget): Upstream {
    return new Http1Upstream(this.thread, this, target, exchange);
  }

  /** Takes an idle connection back. */
  release(connection: Http1Upstream): void {
    if (this.retired || this.idle.length >= this.target.keepAlive.max_idle) connection.close();
    else this.idle.push(connection);
  }

  /** Forgets a connection that is closing. */
  remove(connection: Http1Upstream): void {
    const index = this.idle.lastIndexOf(connection);
    if (index >= 0) this.idle.splice(index, 1);
  }

  /** Gives up the idle connections. */
  shed(): void {
    for (const connection of this.idle.splice(0)) connection.close();
  }

  /** How long a connection may idle, given what the origin's last response said in Keep-Alive. */
  idleMs(keepAlive: string | undefined): number {
    return connectionExpiry(keepAlive, this.target.keepAlive.idle);
  }

  /** The configuration no longer names the endpoint: idle connections close, busy ones after their exchange. */
  retire(): void {
    this.retired = true;
    this.shed();
  }
}
