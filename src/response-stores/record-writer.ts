import type { Buffer } from "node:buffer";
import type { RecordWriter } from "../proxy/feature/response-store.ts";
import type { RecordIndex } from "../shared/record-index.ts";
import type { Queue, SegmentTable } from "../shared/segment-table.ts";
import type { RecordMemory, StoredKey } from "./record-memory.ts";
import type { Space } from "./space.ts";

/** A body of unknown length gets at least this part of what it has already each time that it needs room. */
const GROWTH = 1 / 4;

export interface WriterParts {
  readonly memory: RecordMemory;
  readonly segments: SegmentTable;
  readonly index: RecordIndex;
  readonly space: Space;
  readonly recordBytesMax: number;
}

/** Writes a record, chunk after chunk. Until it is complete nothing refers to it. */
export class SegmentWriter implements RecordWriter {
  private readonly parts: WriterParts;
  private readonly low: number;
  private readonly high: number;
  private readonly queue: Queue;
  private readonly length: number;
  private readonly bodyMax: number;
  /** Locations; emptied when the record is complete or given up. */
  private chunks: number[] = [];
  private written: number = 0;
  /** Bytes in the last chunk, and how many have room there. */
  private here: number = 0;
  private room: number = 0;

  /** @param length of the body; -1: not known */
  constructor(parts: WriterParts, low: number, high: number, length: number, bodyMax: number) {
    this.parts = parts;
    this.low = low;
    this.high = high;
    this.queue = parts.space.queueFor(low, high);
    this.length = length;
    this.bodyMax = bodyMax;
  }

  /** False: there is no room. */
  begin(key: StoredKey, head: string): boolean {
    if (!this.extend(key.bytes + head.length, Math.max(0, this.length))) return false;
    this.parts.memory.writeTexts(this.last, key, head);
    return true;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    if (this.chunks.length === 0) return false;
    const { memory } = this.parts;
    if (this.written + end - start > (this.length < 0 ? this.bodyMax : this.length)) return this.giveUp();
    for (let at = start; at < end;) {
      if (this.here === this.room && !this.more(end - at)) return this.giveUp();
      const until = Math.min(end, at + this.room - this.here);
      memory.writeBody(this.last, this.here, bytes, at, until);
      this.here += until - at;
      this.written += until - at;
      at = until;
    }
    return true;
  }

  complete(): void {
    const { chunks, parts, low, high } = this;
    const [first] = chunks;
    if (first === undefined) return;
    if (this.length >= 0 && this.written !== this.length) return this.abort();
    const { memory, segments, index } = parts;
    this.settleLast();
    parts.space.shorten(this.last, this.here);
    memory.setBodyOfAll(first, this.written);
    index.put(low, high, first, segments.generation(memory.segmentOf(first)), segments.age, memory);
    this.end();
  }

  abort(): void {
    if (this.chunks.length === 0) return;
    this.parts.space.shorten(this.last, -1);
    this.end();
  }

  private get last(): number {
    return this.chunks[this.chunks.length - 1] ?? 0;
  }

  private giveUp(): boolean {
    this.abort();
    return false;
  }

  private end(): void {
    for (const chunk of this.chunks) this.parts.space.ended(chunk);
    this.chunks = [];
  }

  private settleLast(): void {
    this.parts.memory.setBodyHere(this.last, this.here);
  }

  /** Finds room for some of the bytes that come. */
  private more(coming: number): boolean {
    const left = (this.length < 0 ? this.bodyMax : this.length) - this.written;
    const wanted = this.length < 0 ? Math.min(left, Math.max(coming, Math.floor(this.written * GROWTH))) : left;
    const added = this.parts.space.lengthen(this.last, this.here, wanted);
    this.room += added;
    return added > 0 || this.extend(0, wanted);
  }

  private extend(textBytes: number, bodyBytes: number): boolean {
    const { space, memory, segments } = this.parts;
    const location = space.reserve(this.queue, this.low, this.high, textBytes, bodyBytes, true);
    if (location === 0) return false;
    const { last } = this;
    if (last !== 0) {
      this.settleLast();
      memory.setNext(last, location, segments.generation(memory.segmentOf(location)));
    }
    this.chunks.push(location);
    this.here = 0;
    this.room = space.room;
    return true;
  }
}
