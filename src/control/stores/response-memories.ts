/** The memories of stores of responses (`stores` of the type `memory`): made when a configuration first names one, and kept as long as name and size stay. */
import { storesOf } from "../../base/stores-of.ts";
import type { StoreConfig } from "../../config/schema/stores-schema.ts";
import { messageOf } from "../../base/errors.ts";
import type { ResponseMemoryReading } from "../../observe/store-reading.ts";
import { ResponseMemoryKeeper, createResponseMemory } from "../../shared/response-memory.ts";
import type { SentMemory } from "../../shared/sent-memory.ts";

export interface ResponseMemoriesOptions {
  /** How many threads use them. */
  readonly seats: number;
  /** Sends all memories to all threads. */
  readonly tell: (memories: readonly SentMemory[]) => void;
}

interface Kept {
  readonly sent: SentMemory;
  readonly keeper: ResponseMemoryKeeper;
}

type Stores = Readonly<Record<string, StoreConfig>>;

export class ResponseMemories {
  private readonly options: ResponseMemoriesOptions;
  private kept: readonly Kept[] = [];

  constructor(options: ResponseMemoriesOptions) {
    this.options = options;
  }

  /** Makes what a configuration needs that may come into use. Returns what is wrong, one line each: then nothing has changed. */
  prepare(stores: Stores): readonly string[] {
    const missing = wanted(stores).filter(({ name, maxSize }) => !this.kept.some(({ sent }) => isOf(sent, name, maxSize)));
    try {
      const made = missing.map(({ name, maxSize }) => this.make(name, maxSize));
      if (made.length > 0) this.use([...this.kept, ...made]);
      return [];
    } catch (error) {
      return [`there is no memory for the stores ${missing.map(({ name }) => JSON.stringify(name)).join(", ")}: ${messageOf(error)}`];
    }
  }

  /** The stores of the configuration that is in use now: other memories are given back. */
  keep(stores: Stores): void {
    const all = wanted(stores);
    const kept = this.kept.filter(({ sent }) => all.some(({ name, maxSize }) => isOf(sent, name, maxSize)));
    if (kept.length < this.kept.length) this.use(kept);
  }

  /** For a thread that starts. */
  current(): readonly SentMemory[] {
    return this.kept.map(({ sent }) => sent);
  }

  /** Clears up after a dead thread, before another one takes its place. */
  clearWorker(worker: number): void {
    for (const { keeper } of this.kept) keeper.clearWorker(worker);
  }

  readings(): readonly ResponseMemoryReading[] {
    return this.kept.map(({ sent, keeper }) => ({ name: sent.name, maxSize: sent.maxSize, ...keeper.counts() }));
  }

  private make(name: string, maxSize: number): Kept {
    const [seedLow = 0, seedHigh = 0] = crypto.getRandomValues(new Uint32Array(2));
    const memory = createResponseMemory({ bytes: maxSize, seats: this.options.seats, seedLow, seedHigh });
    return { sent: { name, maxSize, memory }, keeper: new ResponseMemoryKeeper(memory) };
  }

  private use(kept: readonly Kept[]): void {
    this.kept = kept;
    this.options.tell(this.current());
  }
}

function wanted(stores: Stores): readonly { readonly name: string; readonly maxSize: number }[] {
  return Object.entries(storesOf(stores, "memory")).map(([name, { max_size }]) => ({ name, maxSize: max_size }));
}

function isOf(sent: SentMemory, name: string, maxSize: number): boolean {
  return sent.name === name && sent.maxSize === maxSize;
}
