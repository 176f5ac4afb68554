/**
 * The stores of a thread, by the names that the configuration gives them. A feature keeps what it has got by a name: it leads to the store of that name in every later
 * configuration, because routes that a reload does not change are not compiled again.
 */
import { hash } from "node:crypto";
import type { RedisStoreConfig } from "../config/schema/stores-schema.ts";
import type { SharedLimit, SharedStore, StoreAnswer, Stores } from "../proxy/feature/shared-store.ts";
import type { StoreNews } from "../shared/store-news.ts";
import { Leases } from "./leases.ts";
import { Notices } from "./notices.ts";
import { StoreClient } from "./store-client.ts";
import type { StoreClock, StoreConnector } from "./store-connection.ts";

/** What was counted is told at most once in this time. */
const TOLD_EVERY_MS = 1000;

export interface ThreadStoresOptions {
  readonly clock: StoreClock;
  /** Makes what connects to a store. It is not to connect before it is asked to. */
  readonly connectorFor: (config: RedisStoreConfig, name: string) => StoreConnector;
  readonly tell: (news: StoreNews) => void;
}

export class ThreadStores implements Stores {
  private readonly options: ThreadStoresOptions;
  private readonly stores: Map<string, NamedStore> = new Map();
  private toldAt: number = 0;

  constructor(options: ThreadStoresOptions) {
    this.options = options;
  }

  get(name: string): SharedStore {
    const store = this.stores.get(name) ?? new NamedStore(name);
    this.stores.set(name, store);
    return store;
  }

  /** The configuration in use has these stores: others end, and one whose settings have changed begins anew. */
  use(configs: Readonly<Record<string, RedisStoreConfig>>): void {
    for (const [name, store] of this.stores) {
      if (Object.hasOwn(configs, name)) continue;
      void store.end();
      this.stores.delete(name);
    }
    for (const [name, config] of Object.entries(configs)) {
      const store = this.stores.get(name) ?? new NamedStore(name);
      this.stores.set(name, store);
      store.use(config, this.options);
    }
  }

  /** To be called now and then: tells what was counted. */
  tick(nowMs: number): void {
    if (this.stores.size === 0 || nowMs - this.toldAt < TOLD_EVERY_MS) return;
    this.toldAt = nowMs;
    for (const store of this.stores.values()) store.tellCounts(this.options);
  }

  /** Resolves when the stores have got back what was not used, or soon. */
  async close(): Promise<void> {
    const ended = [...this.stores.values()].map((store) => store.end());
    this.stores.clear();
    await Promise.all(ended);
  }
}

class NamedStore implements SharedStore {
  private readonly name: string;
  private config: RedisStoreConfig | null = null;
  private client: StoreClient | null = null;
  private leases: Leases | null = null;
  private readonly notices: Notices = new Notices();

  constructor(name: string) {
    this.name = name;
  }

  get onFailure(): SharedStore["onFailure"] {
    return this.config?.on_failure ?? "local";
  }

  nameOf(id: string, key: string): string {
    // In braces, so that all keys of a client lie on one machine of a cluster.
    return `${this.config?.prefix ?? ""}:{${hash("sha256", `${id.length} ${id}${key}`, "base64url").slice(0, 24)}}`;
  }

  take(name: string, limit: SharedLimit, cost: number, lease: number): StoreAnswer | Promise<StoreAnswer | null> | null {
    if (this.client === null) return null;
    // Of a small burst one thread must not have most.
    const size = Math.min(lease, Math.floor(limit.rate.burst / 2));
    return size > cost && this.leases !== null ? this.leases.take(name, limit, cost, size) : this.client.take(name, limit, cost);
  }

  settle(name: string, limit: SharedLimit, count: number): void {
    this.client?.settle(name, limit, count);
  }

  publish(topic: string, text: string, keepMs: number): void {
    this.notices.publish(topic, text, keepMs);
  }

  follow(topic: string, take: (text: string) => void): void {
    this.notices.follow(topic, take);
  }

  use(config: RedisStoreConfig, { clock, connectorFor, tell }: ThreadStoresOptions): void {
    const { name } = this;
    const before = this.config;
    this.config = config;
    if (this.client !== null && before !== null && connectionOf(before) === connectionOf(config)) return;
    void this.end();
    const client = new StoreClient({
      connector: connectorFor(config, name),
      clock,
      timeoutMs: config.timeout,
      observer: {
        up: () => tell({ name, state: "up" }),
        down: (why) => tell({ name, state: "down", why }),
      },
    });
    this.client = client;
    this.leases = new Leases(client, clock);
    this.notices.use(client, clock, config.prefix);
  }

  tellCounts({ tell }: Pick<ThreadStoresOptions, "tell">): void {
    const counts = this.client?.takeCounts();
    if (counts !== undefined && Object.values(counts).some((count) => count > 0)) tell({ name: this.name, state: "counted", counts });
  }

  async end(): Promise<void> {
    const { client, leases } = this;
    this.leases = null;
    this.client = null;
    this.notices.stop();
    leases?.end();
    await client?.close();
  }
}

/** Equal for settings for which the same connection is right. */
function connectionOf({ on_failure: _decides, ...rest }: RedisStoreConfig): string {
  return JSON.stringify(rest);
}
