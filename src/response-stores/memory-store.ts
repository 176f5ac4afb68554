/**
 * A store of responses in memory that all workers share. What one of them has stored the others find without a message; every thread has an instance of its own over
 * the same memory (shared/response-memory.ts).
 */
import { RecordIndex, ANY } from "../shared/record-index.ts";
import { SegmentTable } from "../shared/segment-table.ts";
import type { ResponseMemory } from "../shared/response-memory.ts";
import type { RecordWriter, ResponseStore, StoredRecord } from "../proxy/feature/response-store.ts";
import { RecordMemory, storedKey } from "./record-memory.ts";
import { SegmentWriter } from "./record-writer.ts";
import type { WriterParts } from "./record-writer.ts";
import { Space } from "./space.ts";

const REPLACE_TRIES = 2;

export class MemoryStore implements ResponseStore {
  private readonly parts: WriterParts;

  /** @param worker index of the calling thread */
  constructor(memory: ResponseMemory, worker: number) {
    const records = new RecordMemory(memory);
    const segments = new SegmentTable(memory.segments, worker);
    const index = new RecordIndex(memory.index, worker);
    const space = new Space(records, segments, index);
    this.parts = { memory: records, segments, index, space, recordBytesMax: memory.recordBytesMax };
  }

  find(key: string): StoredRecord | null {
    const { index, space } = this.parts;
    index.hash(key);
    const record = space.pin(index.low, index.high, key);
    if (record !== null) index.touch();
    return record;
  }

  begin(key: string, head: string, bodyBytes: number): RecordWriter | null {
    const { index, space, recordBytesMax } = this.parts;
    const stored = storedKey(key);
    const textBytes = stored.bytes + head.length;
    const bodyMax = recordBytesMax - textBytes;
    if (textBytes > space.textBytesMax || Math.max(bodyBytes, 0) > bodyMax) return null;
    index.hash(key);
    const writer = new SegmentWriter(this.parts, index.low, index.high, bodyBytes, bodyMax);
    return writer.begin(stored, head) ? writer : null;
  }

  replaceHead(key: string, head: string): boolean {
    const { index, space, memory } = this.parts;
    index.hash(key);
    const { low, high } = index;
    const stored = storedKey(key);
    // Where room has to be made for the head, the record may be moved meanwhile: then once more.
    for (let tries = 0; tries < REPLACE_TRIES && stored.bytes + head.length <= space.textBytesMax; tries++) {
      const record = space.pin(low, high, key);
      if (record === null) break;
      const isReplaced = space.replaceHead(record, low, high, stored, head);
      record.release();
      if (isReplaced) return true;
    }
    // The head that is there is no longer the one to answer with.
    index.remove(low, high, ANY, -1, memory);
    return false;
  }

  delete(key: string): boolean {
    const { index, memory } = this.parts;
    index.hash(key);
    return index.remove(index.low, index.high, ANY, -1, memory);
  }
}
