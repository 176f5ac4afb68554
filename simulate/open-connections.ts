import { clientKey } from "../src/base/client-key.ts";
import type { Config } from "../src/config/schema/schema.ts";
import { listenerAt } from "./configs.ts";
import { isTrusted } from "./expected.ts";

/** Counts the open connections of each listener and of each of its clients, to know whether the limits leave room for another one. */
export class OpenConnections {
  private readonly counts: Map<string, number> = new Map();

  /** A client connects. Returns whether the listener's limits admit it. */
  begins(address: string, peer: string, config: Config): boolean {
    const all = this.count(address, 1);
    const own = this.count(ofClient(address, peer), 1);
    const limits = listenerAt(config.listeners, address)?.limits;
    if (limits === undefined || all > limits.connections) return false;
    return own <= limits.connections_per_client || isTrusted(peer, config);
  }

  ends(address: string, peer: string): void {
    this.count(address, -1);
    this.count(ofClient(address, peer), -1);
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
