import type { ResponseMemory } from "./response-memory.ts";

/** The memory of a store of responses, as it is sent to threads. */
export interface SentMemory {
  /** Of the store. */
  readonly name: string;
  /** Bytes that the configuration gives it: with another size it is another memory. */
  readonly maxSize: number;
  readonly memory: ResponseMemory;
}
