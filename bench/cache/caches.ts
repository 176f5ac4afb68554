/** Caches that are compared, with one interface: each keeps what fits into a number of bytes. */
import { Buffer } from "node:buffer";
import { MemoryStore } from "../../src/response-stores/memory-store.ts";
import { ResponseMemoryKeeper, createResponseMemory } from "../../src/shared/response-memory.ts";
import type { ResponseMemoryCounts } from "../../src/shared/response-memory.ts";

export interface ComparedCache {
  /** Whether the object was there. If not, it is now, if the cache wants it. */
  ask(object: number, bytes: number): boolean;
}

/** A head as a small response has it. */
export const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: public, max-age=600\r\nETag: "5f8c-0a1b2c3d"\r\nDate: Tue, 01 Dec 2026 00:00:00 GMT\r\nVary: Accept-Encoding\r\n\r\n`;

export function keyOf(object: number): string {
  return `0a1b2c3d4e5f6a7b8c9d0e https://www.example.com /articles/${object}`;
}

/** What an object takes without anything that a cache needs beside it. */
export function bytesOf(object: number, bytes: number): number {
  return keyOf(object).length + HEAD.length + bytes;
}

/** The store of this repository. */
export class StoreCache implements ComparedCache {
  readonly store: MemoryStore;
  private readonly keeper: ResponseMemoryKeeper;
  private readonly body: Buffer = Buffer.alloc(2 ** 20, "body ");

  constructor(bytes: number) {
    const memory = createResponseMemory({ bytes, seats: 2, seedLow: 1, seedHigh: 2 });
    this.store = new MemoryStore(memory, 0);
    this.keeper = new ResponseMemoryKeeper(memory);
  }

  get counts(): ResponseMemoryCounts {
    return this.keeper.counts();
  }

  ask(object: number, bytes: number): boolean {
    const key = keyOf(object);
    const record = this.store.find(key);
    if (record !== null) {
      record.release();
      return true;
    }
    this.put(key, bytes);
    return false;
  }

  put(key: string, bytes: number): void {
    const writer = this.store.begin(key, HEAD, bytes);
    if (writer?.write(this.body, 0, bytes) === true) writer.complete();
  }
}

/** What was asked for last stays, and its bookkeeping costs nothing. */
export class LruCache implements ComparedCache {
  private readonly kept: Map<number, number> = new Map();
  private readonly bytesMax: number;
  private bytes: number = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  ask(object: number, bytes: number): boolean {
    const found = this.kept.get(object);
    const size = found ?? bytesOf(object, bytes);
    this.kept.delete(object);
    this.kept.set(object, size);
    if (found !== undefined) return true;
    this.bytes += size;
    for (const [oldest, oldestBytes] of this.kept) {
      if (this.bytes <= this.bytesMax) break;
      this.kept.delete(oldest);
      this.bytes -= oldestBytes;
    }
    return false;
  }
}
