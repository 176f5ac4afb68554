/**
 * The memory of a store of responses: arenas with the records, and the tables that say what lies where. Made once by the main thread; src/response-stores reads and
 * writes it in the workers.
 *
 * An arena is a part of at most 1 GiB, so that no index into one is larger than what processors and the engine handle well. All arenas together are cut into segments
 * of one size (segment-table.ts); a record begins at a multiple of 32 bytes in one of them, and may go on in others. A location is the number of these 32 bytes
 * over all arenas, plus 1.
 */
import { NO_WORKER, SegmentTable } from "./segment-table.ts";
import { RecordIndex } from "./record-index.ts";

/** Records begin at a multiple of this. */
export const UNIT_BYTES = 32;

/** Locations have 31 bits, which would do for twice as much. */
const BYTES_MAX = 32 * 2 ** 30;

const ARENA_BYTES = 2 ** 30;
const SEGMENT_BYTES_MAX = 256 * 1024;
/** A store has at least that many segments, if they do not become smaller than SEGMENT_BYTES_MIN. */
const SEGMENTS_MIN = 500;
const SEGMENT_BYTES_MIN = 32 * 1024;
/** What a record takes on average, as the index is made for it: smaller ones crowd each other out before the memory is full. */
const RECORD_BYTES = 1024;
/** A record larger than this share of the store is refused. */
const RECORD_SHARE = 1 / 8;
const RECORD_BYTES_MAX = 2 ** 31 - 1;

/** What the main thread sends to the workers. */
export interface ResponseMemory {
  readonly segmentBytes: number;
  /** Bytes of key, head and body that a record has at most. */
  readonly recordBytesMax: number;
  /** The memory of a {@link SegmentTable}. */
  readonly segments: SharedArrayBuffer;
  /** The memory of a {@link RecordIndex}. */
  readonly index: SharedArrayBuffer;
  readonly arenas: readonly SharedArrayBuffer[];
}

export interface ResponseMemoryOptions {
  /** Bound of everything together, in bytes, at most 32 GiB. Only what was used costs memory of the machine. */
  readonly bytes: number;
  /** How many threads use it. */
  readonly seats: number;
  /** 32 random bits that clients cannot guess, and 32 more. */
  readonly seedLow: number;
  readonly seedHigh: number;
  /** Bytes of key, head and body that a record has at most. Absent, or more than an eighth of the store: an eighth. */
  readonly recordBytesMax?: number | undefined;
  /** A power of two. Absent: as fits the store. */
  readonly segmentBytes?: number;
  readonly arenaBytes?: number;
}

/** Throws a RangeError when the machine does not have the address space, or the size is none that a store can have. */
export function createResponseMemory(options: ResponseMemoryOptions): ResponseMemory {
  const { bytes, seats, seedLow, seedHigh } = options;
  if (bytes > BYTES_MAX) throw new RangeError("a store of responses takes at most 32 GiB");
  const segmentBytes = options.segmentBytes ?? segmentBytesFor(bytes);
  const arenaBytes = options.arenaBytes ?? ARENA_BYTES;
  const records = Math.ceil(bytes / RECORD_BYTES);
  const left = bytes - RecordIndex.bytes(records, seats) - SegmentTable.bytes(0, seats);
  const segments = Math.floor(left / (segmentBytes + SegmentTable.bytes(1, seats) - SegmentTable.bytes(0, seats)));
  if (segments < 1) throw new RangeError("a store of responses has at least one segment");
  const arenas: SharedArrayBuffer[] = [];
  for (let rest = segments * segmentBytes; rest > 0; rest -= arenaBytes) arenas.push(new SharedArrayBuffer(Math.min(rest, arenaBytes)));
  return {
    segmentBytes,
    recordBytesMax: Math.floor(Math.min(options.recordBytesMax ?? Infinity, segments * segmentBytes * RECORD_SHARE, RECORD_BYTES_MAX)),
    segments: SegmentTable.create(segments, seats),
    index: RecordIndex.create(records, seats, seedLow, seedHigh),
    arenas,
  };
}

function segmentBytesFor(bytes: number): number {
  let size = SEGMENT_BYTES_MAX;
  while (size > SEGMENT_BYTES_MIN && bytes / size < SEGMENTS_MIN) size /= 2;
  return size;
}

/** What is known of a store of responses from outside. */
export interface ResponseMemoryCounts {
  /** Bytes of records, those included that were dropped and whose place was not given to others yet. */
  readonly usedBytes: number;
  readonly records: number;
  /** Segments that were given up to make room. */
  readonly evictedSegments: number;
  /** Records that found no place in the index, or whose place another one got there. */
  readonly crowdedOut: number;
}

/** What the main thread does with the memory: it looks, and clears up after workers that died. */
export class ResponseMemoryKeeper {
  private readonly segments: SegmentTable;
  private readonly index: RecordIndex;

  constructor(memory: ResponseMemory) {
    this.segments = new SegmentTable(memory.segments, NO_WORKER);
    this.index = new RecordIndex(memory.index, NO_WORKER);
  }

  /** Frees what a dead worker has locked and pinned, and drops its records that are not complete. The supervisor calls this before it replaces the worker. */
  clearWorker(worker: number): void {
    this.index.clearWorker(worker);
    this.segments.clearWorker(worker);
  }

  counts(): ResponseMemoryCounts {
    const { filledUnits, evicted } = this.segments.counts();
    return { usedBytes: filledUnits * UNIT_BYTES, evictedSegments: evicted, ...this.index.counts() };
  }
}
