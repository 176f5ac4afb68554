/**
 * The stores of responses of a thread, by the names that the configuration gives them. A feature keeps what it has got by a name: it leads to the store of that name in
 * every later configuration, because routes that a reload does not change are not compiled again.
 */
import type { StoreConfig } from "../config/schema/stores-schema.ts";
import { NO_RESPONSES } from "../proxy/feature/response-store.ts";
import type { RecordWriter, ResponseStore, ResponseStores, StoredRecord } from "../proxy/feature/response-store.ts";
import type { SentMemory } from "../shared/sent-memory.ts";
import { MemoryStore } from "./memory-store.ts";

export class ThreadResponseStores implements ResponseStores {
  private readonly worker: number;
  private readonly named: Map<string, NamedResponseStore> = new Map();
  private memories: readonly { readonly sent: SentMemory; readonly store: MemoryStore }[] = [];

  /** @param worker index of the thread */
  constructor(worker: number) {
    this.worker = worker;
  }

  get(name: string): ResponseStore {
    return this.storeNamed(name);
  }

  /** Takes all memories that there are. */
  take(all: readonly SentMemory[]): void {
    this.memories = all.map((sent) => {
      const known = this.memories.find(({ sent: { name, maxSize } }) => name === sent.name && maxSize === sent.maxSize);
      return known ?? { sent, store: new MemoryStore(sent.memory, this.worker) };
    });
  }

  /** The configuration in use has these stores. */
  use(configs: Readonly<Record<string, StoreConfig>>): void {
    for (const [name, { current }] of this.named)
      if (!Object.hasOwn(configs, name) && current !== NO_RESPONSES) this.storeNamed(name).current = NO_RESPONSES;
    for (const [name, config] of Object.entries(configs)) {
      if (config.type !== "memory") continue;
      const found = this.memories.find(({ sent }) => sent.name === name && sent.maxSize === config.max_size);
      this.storeNamed(name).current = found?.store ?? NO_RESPONSES;
    }
  }

  private storeNamed(name: string): NamedResponseStore {
    let store = this.named.get(name);
    if (store === undefined) this.named.set(name, (store = new NamedResponseStore()));
    return store;
  }
}

class NamedResponseStore implements ResponseStore {
  current: ResponseStore = NO_RESPONSES;

  find(key: string): StoredRecord | null {
    return this.current.find(key);
  }

  begin(key: string, head: string, bodyBytes: number): RecordWriter | null {
    return this.current.begin(key, head, bodyBytes);
  }

  replaceHead(key: string, head: string): boolean {
    return this.current.replaceHead(key, head);
  }

  delete(key: string): boolean {
    return this.current.delete(key);
  }
}
