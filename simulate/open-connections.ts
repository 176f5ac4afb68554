import { clientKey } from "../src/base/client-key.ts";
import type { Config } from "../src/config/schema/schema.ts";
import { listenerAt } from "./configs.ts";
import { HANDSHAKES_MAX } from "./introductions.ts";
import { isTrusted } from "./expected.ts";

/** A connection in its handshake. */
export interface Pending {
  readonly sender: string;
}

/** Counts the open connections of each listener and of each of its clients, to know whether the limits leave room for another one. */
export class OpenConnections {
  private readonly counts: Map<string, number> = new Map();
  /** Connections in a handshake, by address of their listener. */
  private readonly pending: Map<string, Set<Pending>> = new Map();

  /** A client connects. Returns whether the listener's limits admit it. @param speaksForMany whether it is a load balancer */
  begins(address: string, peer: string, config: Config, speaksForMany: boolean): boolean {
    this.count(address, 1);
    this.count(ofClient(address, peer), 1);
    return this.isWithinLimits(address, peer, config, speaksForMany) && this.inHandshake(address).size < HANDSHAKES_MAX;
  }

  /** A connection that counts as the load balancer's is named to be the client's. Returns whether the listener's limits admit that. */
  isNamed(address: string, sender: string, client: string, config: Config): boolean {
    if (client === sender) return true;
    this.count(ofClient(address, sender), -1);
    this.count(ofClient(address, client), 1);
    return this.isWithinLimits(address, client, config, false);
  }

  ends(address: string, peer: string): void {
    this.count(address, -1);
    this.count(ofClient(address, peer), -1);
  }

  /** The connections of a listener that are in a handshake. */
  inHandshake(address: string): Set<Pending> {
    let pending = this.pending.get(address);
    if (pending === undefined) this.pending.set(address, (pending = new Set()));
    return pending;
  }

  private isWithinLimits(address: string, client: string, config: Config, speaksForMany: boolean): boolean {
    const limits = listenerAt(config.listeners, address)?.limits;
    if (limits === undefined || this.count(address, 0) > limits.connections) return false;
    return this.count(ofClient(address, client), 0) <= limits.connections_per_client || speaksForMany || isTrusted(client, config);
  }

  private count(key: string, delta: number): number {
    const count = (this.counts.get(key) ?? 0) + delta;
    this.counts.set(key, count);
    return count;
  }
}

function ofClient(address: string, peer: string): string {
  return `${address} ${clientKey(peer)}`;
}
