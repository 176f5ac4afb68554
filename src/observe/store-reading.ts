import type { ResponseMemoryCounts } from "../shared/response-memory.ts";
import type { StoreCounts } from "../shared/store-news.ts";

/** What is known of a store at a moment, by all threads together. */
export interface StoreReading {
  readonly name: string;
  readonly type: string;
  /** Whether every thread that has asked it gets answers. */
  readonly up: boolean;
  /** Why not, in one line without secrets; null: it is up, or no thread has an answer yet. */
  readonly problem: string | null;
  /** Since when that holds, in epoch milliseconds. */
  readonly sinceMs: number;
  readonly counts: Readonly<StoreCounts>;
}

/** What is known of the memory of a store of responses. */
export interface ResponseMemoryReading extends ResponseMemoryCounts {
  readonly name: string;
  /** Bytes that it may take. */
  readonly maxSize: number;
}
