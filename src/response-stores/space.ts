/**
 * Room for records. A worker adds to two segments of its own, one for each queue, and gets another when one is full: a free one, or one whose records were dropped
 * to make room.
 *
 * What is dropped follows S3-FIFO (Yang and others, "FIFO queues are all you need for cache eviction", 2023), over segments. Records begin in the small queue, a tenth of
 * the segments. When a segment leaves it, what was asked for meanwhile is copied to the main queue, and of the rest only the index remembers for a time that it was
 * there (a ghost): who comes back begins in the main queue. When a segment leaves the main queue, what was asked for meanwhile is copied to its end.
 */
import { MAIN, SMALL } from "../shared/segment-table.ts";
import type { Queue, SegmentTable } from "../shared/segment-table.ts";
import type { RecordIndex } from "../shared/record-index.ts";
import { UNIT_BYTES } from "../shared/response-memory.ts";
import { PinnedRecord } from "./pinned-record.ts";
import { HEADER_BYTES } from "./record-memory.ts";
import type { RecordMemory, StoredKey } from "./record-memory.ts";

const NONE = -1;
/** How often a record of more than so many bytes must have been asked for in the small queue to get into the main one: large ones cost others their place. */
const MIDDLING_BYTES = 16 * 1024;
const LARGE_BYTES = 128 * 1024;
/** A larger record is not copied: that would take the thread for more than a millisecond. It goes, and comes back to the main queue. */
const COPIED_BYTES_MAX = 4 * 1024 * 1024;
/** A body up to this is copied when its head is replaced: then the record lies in one place, and the old one does not have to stay. */
const COPIED_WITH_HEAD = 16 * 1024;
/** After so many segments in which everything was worth keeping, the next one is given up whatever is in it. */
const KEEPING_TRIES = 3;
const TRIES = 6;
/** How often a record is looked for that is moved each time. */
const MOVED_TRIES = 4;
/** Segments that only copies of records may take. */
const SPARE = 2;

export class Space {
  /** Bytes of the body for which there is room in the chunk that was reserved. */
  room: number = 0;
  private readonly memory: RecordMemory;
  private readonly segments: SegmentTable;
  private readonly index: RecordIndex;
  private readonly active: [small: number, main: number] = [NONE, NONE];
  private readonly segmentUnits: number;
  private readonly leastPiece: number;
  private readonly spare: number;

  constructor(memory: RecordMemory, segments: SegmentTable, index: RecordIndex) {
    this.memory = memory;
    this.segments = segments;
    this.index = index;
    this.segmentUnits = memory.segmentBytes / UNIT_BYTES;
    this.leastPiece = Math.max(1, memory.segmentBytes >>> 9);
    this.spare = Math.min(SPARE, segments.segments >>> 3);
  }

  /** Bytes of key and head that a record has at most: they lie in one segment. */
  get textBytesMax(): number {
    return this.memory.segmentBytes - HEADER_BYTES - this.leastPiece;
  }

  /** The queue in which a record begins. */
  queueFor(low: number, high: number): Queue {
    return this.index.hasGhost(low, high, this.segments.age, this.segments.ageOfRound) ? MAIN : SMALL;
  }

  /**
   * Reserves a chunk, in which there is room for the texts and for some of the body, or all of it (`room`). Its location; 0: there is no room.
   * @param mayEvict whether others may be dropped for it
   */
  reserve(queue: Queue, low: number, high: number, textBytes: number, bodyBytes: number, mayEvict: boolean): number {
    const { memory, segments, segmentUnits } = this;
    const least = HEADER_BYTES + textBytes + Math.min(bodyBytes, this.leastPiece);
    if (least > memory.segmentBytes) return 0;
    let fill = this.active[queue] === NONE ? segmentUnits : segments.fill(this.active[queue]);
    if ((segmentUnits - fill) * UNIT_BYTES < least) {
      if (!this.renew(queue, mayEvict, least)) return 0;
      fill = segments.fill(this.active[queue]);
    }
    const segment = this.active[queue];
    this.room = Math.min(bodyBytes, (segmentUnits - fill) * UNIT_BYTES - HEADER_BYTES - textBytes);
    const units = Math.ceil((HEADER_BYTES + textBytes + this.room) / UNIT_BYTES);
    const location = memory.locationOf(segment, fill);
    // The length is there before the segment says that it is longer: so it can be walked through whenever its worker dies.
    memory.begin(location, units, low, high);
    segments.begun(segment);
    segments.setFill(segment, fill + units);
    return location;
  }

  /** Makes the last chunk of an active segment longer, by up to so many bytes. How many there are; 0: it is not the last, or the segment is full. */
  lengthen(location: number, bodyBytes: number, more: number): number {
    const { memory, segments } = this;
    const segment = memory.segmentOf(location);
    const units = memory.units(location);
    const end = memory.unitOf(location) + units;
    if (!this.isLast(location)) return 0;
    const used = HEADER_BYTES + memory.textBytes(location) + bodyBytes;
    const added = Math.min(more, (this.segmentUnits - end + units) * UNIT_BYTES - used);
    if (added <= 0) return 0;
    const unitsNow = Math.ceil((used + added) / UNIT_BYTES);
    memory.setUnits(location, unitsNow);
    segments.setFill(segment, end - units + unitsNow);
    return added;
  }

  /** Gives back what a chunk does not need. @param bodyBytes -1: it is not needed at all */
  shorten(location: number, bodyBytes: number): void {
    if (!this.isLast(location)) return;
    const { memory, segments } = this;
    const [segment, first] = [memory.segmentOf(location), memory.unitOf(location)];
    const units = bodyBytes < 0 ? 0 : Math.ceil((HEADER_BYTES + memory.textBytes(location) + bodyBytes) / UNIT_BYTES);
    segments.setFill(segment, first + units);
    if (units > 0) memory.setUnits(location, units);
  }

  /** The chunk is complete, or given up. */
  ended(location: number): void {
    this.segments.ended(this.memory.segmentOf(location));
  }

  /**
   * Pins the record with this hash. Null: there is none.
   * @param key null: the hash will do
   */
  pin(low: number, high: number, key: string | null): PinnedRecord | null {
    const { memory, segments, index } = this;
    let tries = 0;
    for (let found = index.first(low, high); found;) {
      const { location } = index;
      const segment = memory.segmentOf(location);
      segments.pin(segment);
      const generation = segments.generation(segment);
      if (!index.isStill()) {
        // It was moved or replaced, or is gone.
        segments.unpin(segment);
        found = tries++ < MOVED_TRIES && index.first(low, high);
        continue;
      }
      if (!index.isOfGeneration(generation) || !memory.isAt(location, low, high) || (key !== null && !memory.hasKey(location, key))) {
        segments.unpin(segment);
        found = index.next(high);
        continue;
      }
      const record = this.pinOthers(location, generation);
      if (record !== null) return record;
      // A part of it is gone. Whoever gives the segments up does not always find the record to which a part belongs.
      segments.unpin(segment);
      index.remove(low, high, location, -1, memory);
      return null;
    }
    return null;
  }

  private pinOthers(location: number, generation: number): PinnedRecord | null {
    const { memory, segments } = this;
    if (memory.next(location) === 0) return new PinnedRecord(memory, segments, location, generation, null);
    const others: number[] = [];
    for (let chunk = location; memory.next(chunk) !== 0;) {
      const next = memory.next(chunk);
      const segment = memory.segmentOf(next);
      segments.pin(segment);
      if (segments.generation(segment) !== memory.nextGeneration(chunk)) {
        segments.unpin(segment);
        for (const other of others) segments.unpin(memory.segmentOf(other));
        return null;
      }
      others.push(next);
      chunk = next;
    }
    return new PinnedRecord(memory, segments, location, generation, others);
  }

  private isLast(location: number): boolean {
    const { memory, segments, active } = this;
    const segment = memory.segmentOf(location);
    if (segment !== active[SMALL] && segment !== active[MAIN]) return false;
    return memory.unitOf(location) + memory.units(location) === segments.fill(segment);
  }

  /** Makes another segment the active one. */
  private renew(queue: Queue, mayEvict: boolean, least: number): boolean {
    const { segments, active } = this;
    for (let tries = 0; tries < TRIES; tries++) {
      const segment = segments.take(queue, mayEvict ? this.spare : 0);
      if (segment >= 0) {
        if (active[queue] !== NONE) segments.seal(active[queue]);
        active[queue] = segment;
        return true;
      }
      if (!mayEvict) return false;
      const victim = segments.takeVictim();
      if (victim < 0) return false;
      this.evict(victim, tries < KEEPING_TRIES);
      // What was kept may have got a new active segment, in which there is room.
      const now = active[queue];
      if (now !== NONE && (this.segmentUnits - segments.fill(now)) * UNIT_BYTES >= least) return true;
    }
    return false;
  }

  private evict(segment: number, mayKeep: boolean): void {
    const { memory, segments } = this;
    const queue = segments.queueOf(segment);
    const end = segments.fill(segment);
    for (let unit = 0; unit < end;) {
      const location = memory.locationOf(segment, unit);
      const units = memory.units(location);
      // Left by a worker that died.
      if (units <= 0 || unit + units > end) break;
      this.judge(location, queue, mayKeep);
      unit += units;
    }
    segments.evicted(segment);
  }

  /** Keeps or drops the record to which a chunk belongs, if it is in the index. */
  private judge(location: number, queue: Queue, mayKeep: boolean): void {
    const { memory, segments, index } = this;
    const [low, high] = [memory.low(location), memory.high(location)];
    const record = this.pin(low, high, null);
    if (record === null) return;
    if (record.includes(location)) {
      const bytes = memory.textBytes(record.location) + record.bodyBytes;
      const { frequency } = index;
      const isHot = frequency >= (queue === MAIN ? 1 : leastFrequency(bytes));
      const isKept = mayKeep && isHot && bytes <= COPIED_BYTES_MAX && this.keep(record, low, high, queue === MAIN ? frequency - 1 : 0);
      if (!isKept) index.remove(low, high, record.location, queue === SMALL || isHot ? segments.age : -1, memory);
    }
    record.release();
  }

  /** Lets the key of a record refer to a copy of it, which is in the main queue. */
  private keep(record: PinnedRecord, low: number, high: number, frequency: number): boolean {
    const { memory } = this;
    const location = this.reserve(MAIN, low, high, memory.textBytes(record.location), record.bodyBytes, false);
    if (location === 0) return false;
    memory.copyTexts(location, record.location);
    return this.copyBody(record, low, high, location, frequency, false);
  }

  /** Lets the key of a record refer to one with another head. False: there is no room for it, or the record was dropped or replaced meanwhile. */
  replaceHead(record: PinnedRecord, low: number, high: number, key: StoredKey, head: string): boolean {
    const isCopied = record.bodyBytes <= COPIED_WITH_HEAD;
    const { memory, segments, index } = this;
    const location = this.reserve(MAIN, low, high, key.bytes + head.length, isCopied ? record.bodyBytes : 0, true);
    if (location === 0) return false;
    memory.writeTexts(location, key, head);
    if (isCopied) return this.copyBody(record, low, high, location, -1, true);
    memory.setBodyOfAll(location, record.bodyBytes);
    record.followsIn(location);
    const isIn = index.replace(low, high, record.location, location, segments.generation(memory.segmentOf(location)), -1);
    this.ended(location);
    return isIn;
  }

  /** Copies the body of a record after the texts of another one, and enters that in its place. @param first the chunk in which there is room, now */
  private copyBody(record: PinnedRecord, low: number, high: number, first: number, frequency: number, mayEvict: boolean): boolean {
    const { memory, segments, index } = this;
    const { bodyBytes } = record;
    const chunks = [first];
    let copied = 0;
    memory.setBodyOfAll(first, bodyBytes);
    for (let location = first; ;) {
      memory.setBodyHere(location, this.room);
      for (let here = 0; here < this.room;) {
        const piece = record.piece(copied);
        const end = Math.min(piece.length, this.room - here);
        memory.writeBody(location, here, piece, 0, end);
        here += end;
        copied += end;
      }
      if (copied === bodyBytes) break;
      const next = this.reserve(MAIN, low, high, 0, bodyBytes - copied, mayEvict);
      if (next === 0) break;
      memory.setNext(location, next, segments.generation(memory.segmentOf(next)));
      chunks.push(next);
      location = next;
    }
    const generation = segments.generation(memory.segmentOf(first));
    const isIn = copied === bodyBytes && index.replace(low, high, record.location, first, generation, frequency);
    for (const chunk of chunks) this.ended(chunk);
    return isIn;
  }
}

function leastFrequency(bytes: number): number {
  if (bytes > LARGE_BYTES) return 3;
  return bytes > MIDDLING_BYTES ? 2 : 1;
}
