import type { Buffer } from "node:buffer";
import type { StoredRecord } from "../proxy/feature/response-store.ts";
import type { SegmentTable } from "../shared/segment-table.ts";
import type { RecordMemory } from "./record-memory.ts";

/** A record none of whose segments is overwritten until it is released. */
export class PinnedRecord implements StoredRecord {
  /** Of the first chunk. */
  readonly location: number;
  /** The generation that its segment has while the record is there. */
  readonly generation: number;
  readonly bodyBytes: number;
  private readonly memory: RecordMemory;
  private readonly segments: SegmentTable;
  /** Locations of the other chunks; null: there are none. */
  private readonly others: readonly number[] | null;
  /** The chunk in which the last piece began, as an index, and where it begins in the body. */
  private lastChunk: number = 0;
  private lastStart: number = 0;
  private headText: string | null = null;
  private isReleased: boolean = false;

  constructor(memory: RecordMemory, segments: SegmentTable, location: number, generation: number, others: readonly number[] | null) {
    this.memory = memory;
    this.segments = segments;
    this.location = location;
    this.generation = generation;
    this.others = others;
    this.bodyBytes = memory.bodyOfAll(location);
  }

  get head(): string {
    this.headText ??= this.memory.head(this.location);
    return this.headText;
  }

  piece(at: number): Buffer {
    if (this.isReleased) throw new Error("the record was released");
    if (!(at >= 0 && at < this.bodyBytes)) throw new RangeError(`the body has no byte ${at}`);
    if (at < this.lastStart) [this.lastChunk, this.lastStart] = [0, 0];
    let here = this.memory.bodyHere(this.chunk(this.lastChunk));
    while (at >= this.lastStart + here) {
      this.lastStart += here;
      this.lastChunk++;
      here = this.memory.bodyHere(this.chunk(this.lastChunk));
    }
    return this.memory.piece(this.chunk(this.lastChunk), at - this.lastStart);
  }

  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    const { segments, memory } = this;
    segments.unpin(memory.segmentOf(this.location));
    if (this.others !== null) for (const location of this.others) segments.unpin(memory.segmentOf(location));
  }

  /** Whether the chunk at a location is one of the record's. */
  includes(location: number): boolean {
    return location === this.location || (this.others !== null && this.others.includes(location));
  }

  /** Lets another chunk refer to the first of the record's in which there is a part of the body. */
  followsIn(chunk: number): void {
    const { memory, location } = this;
    // Not the generation of now: the segment may be about to go, and to come back with it for other records.
    if (memory.bodyHere(location) > 0) memory.setNext(chunk, location, this.generation);
    else memory.setNext(chunk, memory.next(location), memory.nextGeneration(location));
  }

  private chunk(index: number): number {
    return index === 0 ? this.location : (this.others?.[index - 1] ?? 0);
  }
}
