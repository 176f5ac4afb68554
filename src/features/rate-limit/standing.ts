/** What a client's rate and burst are multiplied by: its place in a list of reputations, and how often it was refused lately. */
import { clientKey } from "../../base/client-key.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { AddressList } from "../../shared/address-lists.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { Limit } from "./schema.ts";

/** By the client's address. 1: the limit as it is configured. */
export type FactorOf = (client: string, nowMs: number) => number;

/** The factors of a list of reputations. */
export function byReputation(list: AddressList): FactorOf {
  // Requests of one client often follow one another.
  let lastClient = "";
  let lastVersion = -1;
  let lastFactor = 1;
  return (client) => {
    if (client !== lastClient || list.version !== lastVersion) {
      lastClient = client;
      lastVersion = list.version;
      lastFactor = list.factorOf(client) ?? 1;
    }
    return lastFactor;
  };
}

/**
 * Counts the refusals that clients meet. Who meets too many of them gets less until a time that stands in the table of buckets, so it is shared by all
 * threads and outlives a reload.
 */
export class Adapting {
  private readonly config: NonNullable<Limit["adapting"]>;
  private readonly thread: LimiterThread;
  private readonly refusals: Limiter;
  private readonly punished: KeyHash;
  private readonly statuses: ReadonlySet<number>;

  /** @param id of the limit */
  constructor(config: NonNullable<Limit["adapting"]>, thread: LimiterThread, id: string) {
    this.config = config;
    this.thread = thread;
    const { after, within } = config;
    this.refusals = new Limiter({ requests: after, windowSeconds: within / 1000, burst: after }, thread, { id: `${id}\nrefusals` });
    this.punished = thread.buckets.keysOf(`${id}\nless`);
    this.statuses = new Set(config.statuses);
  }

  factorOf(client: string, nowMs: number): number {
    const { buckets, workerIndex } = this.thread;
    return buckets.peek(this.punished, clientKey(client), nowMs, workerIndex) > nowMs ? this.config.factor : 1;
  }

  /** That client has got an answer with that status. */
  saw(client: string, status: number): void {
    if (!this.statuses.has(status)) return;
    const { buckets, workerIndex, now } = this.thread;
    const nowMs = now();
    const key = clientKey(client);
    if (this.refusals.take(key, nowMs)) return;
    buckets.open(this.punished, key, nowMs, workerIndex);
    buckets.close(nowMs + this.config.for, workerIndex);
  }
}
