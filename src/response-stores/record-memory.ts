/**
 * The bytes of records in the arenas of a store (shared/response-memory.ts).
 *
 * A record is a chain of chunks, each within one segment; most have one. A chunk:
 *
 *     [ header: 9 cells of 4 bytes ][ key ][ head ][ a part of the body ] up to a multiple of 32 bytes
 *
 * The first chunk has key and head, those that follow have the rest of the body alone. A head that was replaced is the first chunk of a new chain, which refers to
 * the chunks of the one before. Nothing of a chunk changes once its record is in the index.
 *
 * What was left by a worker that died may have any content, so lengths that are read where nobody has pinned the record are checked.
 */
import { Buffer } from "node:buffer";
import { latin1, writeLatin1 } from "../base/latin1.ts";
import type { RecordHashes } from "../shared/record-index.ts";
import { UNIT_BYTES } from "../shared/response-memory.ts";
import type { ResponseMemory } from "../shared/response-memory.ts";

export const HEADER_BYTES = 36;

const UNITS = 0;
const LOW = 1;
const HIGH = 2;
/** Length of the key in bytes, times two; plus 1 where a unit of its text takes two bytes. */
const KEY = 3;
const HEAD = 4;
const BODY = 5;
const NEXT = 6;
const NEXT_GENERATION = 7;
/** In the first chunk. */
const BODY_OF_ALL = 8;

/** A key as it lies in memory. */
export interface StoredKey {
  readonly text: string;
  readonly bytes: number;
  readonly isWide: boolean;
}

export function storedKey(text: string): StoredKey {
  const isWide = /[^\0-\xff]/.test(text);
  return { text, bytes: isWide ? 2 * text.length : text.length, isWide };
}

export class RecordMemory implements RecordHashes {
  readonly segmentBytes: number;
  private readonly arenas: readonly Buffer[];
  private readonly cells: readonly Int32Array[];
  private readonly unitShift: number;
  private readonly arenaShift: number;
  private readonly unitMask: number;

  constructor({ segmentBytes, arenas }: ResponseMemory) {
    this.segmentBytes = segmentBytes;
    this.arenas = arenas.map((arena) => Buffer.from(arena));
    this.cells = arenas.map((arena) => new Int32Array(arena));
    this.unitShift = Math.log2(segmentBytes / UNIT_BYTES);
    // All arenas but the last are of one size, a power of two.
    this.arenaShift = arenas.length > 1 ? Math.log2((arenas[0]?.byteLength ?? 0) / UNIT_BYTES) : 31;
    this.unitMask = 2 ** this.arenaShift - 1;
  }

  locationOf(segment: number, unit: number): number {
    return segment * 2 ** this.unitShift + unit + 1;
  }

  segmentOf(location: number): number {
    return (location - 1) >>> this.unitShift;
  }

  unitOf(location: number): number {
    return (location - 1) & (2 ** this.unitShift - 1);
  }

  /** Writes the header of a chunk without a body. */
  begin(location: number, units: number, low: number, high: number): void {
    const [cells, at] = [this.cellsOf(location), this.cellOf(location)];
    cells[at + UNITS] = units;
    cells[at + LOW] = low;
    cells[at + HIGH] = high;
    for (let cell = at + KEY; cell <= at + BODY_OF_ALL; cell++) cells[cell] = 0;
  }

  units(location: number): number {
    return this.read(location, UNITS);
  }

  setUnits(location: number, units: number): void {
    this.write(location, UNITS, units);
  }

  low(location: number): number {
    return this.read(location, LOW);
  }

  high(location: number): number {
    return this.read(location, HIGH);
  }

  isAt(location: number, low: number, high: number): boolean {
    return this.low(location) === low && this.high(location) === high;
  }

  /** Bytes of key and head, which only the first chunk has. */
  textBytes(location: number): number {
    return (this.read(location, KEY) >>> 1) + this.read(location, HEAD);
  }

  writeTexts(location: number, { text, bytes, isWide }: StoredKey, head: string): void {
    const [arena, at] = [this.arenaOf(location), this.byteOf(location) + HEADER_BYTES];
    if (isWide) arena.write(text, at, "utf16le");
    else writeLatin1(arena, text, at);
    writeLatin1(arena, head, at + bytes);
    this.write(location, KEY, 2 * bytes + (isWide ? 1 : 0));
    this.write(location, HEAD, head.length);
  }

  /** Copies key and head of another record. */
  copyTexts(location: number, from: number): void {
    this.copyOut(from, HEADER_BYTES, this.textBytes(from), location, HEADER_BYTES);
    this.write(location, KEY, this.read(from, KEY));
    this.write(location, HEAD, this.read(from, HEAD));
  }

  hasKey(location: number, key: string): boolean {
    const word = this.read(location, KEY);
    const [bytes, isWide, at] = [word >>> 1, (word & 1) === 1, this.byteOf(location) + HEADER_BYTES];
    if (bytes !== (isWide ? 2 * key.length : key.length) || bytes > this.segmentBytes) return false;
    const arena = this.arenaOf(location);
    return (isWide ? arena.toString("utf16le", at, at + bytes) : latin1(arena, at, at + bytes)) === key;
  }

  head(location: number): string {
    const at = this.byteOf(location) + HEADER_BYTES + (this.read(location, KEY) >>> 1);
    return latin1(this.arenaOf(location), at, at + this.read(location, HEAD));
  }

  /** Bytes of the body that lie in the chunk. */
  bodyHere(location: number): number {
    return this.read(location, BODY);
  }

  setBodyHere(location: number, bytes: number): void {
    this.write(location, BODY, bytes);
  }

  /** Bytes of the whole body, by the first chunk. */
  bodyOfAll(location: number): number {
    return this.read(location, BODY_OF_ALL);
  }

  setBodyOfAll(location: number, bytes: number): void {
    this.write(location, BODY_OF_ALL, bytes);
  }

  /** The chunk that follows; 0: none does. */
  next(location: number): number {
    return this.read(location, NEXT);
  }

  nextGeneration(location: number): number {
    return this.read(location, NEXT_GENERATION);
  }

  setNext(location: number, next: number, generation: number): void {
    this.write(location, NEXT, next);
    this.write(location, NEXT_GENERATION, generation);
  }

  /** The body in the chunk from `at` on. */
  piece(location: number, at: number): Buffer {
    const start = this.byteOf(location) + HEADER_BYTES + this.textBytes(location);
    return this.arenaOf(location).subarray(start + at, start + this.bodyHere(location));
  }

  /** Writes a part of the body into the chunk. @param at within the chunk's body */
  writeBody(location: number, at: number, bytes: Buffer, start: number, end: number): void {
    bytes.copy(this.arenaOf(location), this.byteOf(location) + HEADER_BYTES + this.textBytes(location) + at, start, end);
  }

  private copyOut(from: number, fromAt: number, bytes: number, to: number, toAt: number): void {
    const start = this.byteOf(from) + fromAt;
    this.arenaOf(from).copy(this.arenaOf(to), this.byteOf(to) + toAt, start, start + bytes);
  }

  private read(location: number, cell: number): number {
    return this.cellsOf(location)[this.cellOf(location) + cell] ?? 0;
  }

  private write(location: number, cell: number, value: number): void {
    this.cellsOf(location)[this.cellOf(location) + cell] = value;
  }

  private arenaOf(location: number): Buffer {
    return inRange(this.arenas[(location - 1) >>> this.arenaShift]);
  }

  private cellsOf(location: number): Int32Array {
    return inRange(this.cells[(location - 1) >>> this.arenaShift]);
  }

  private byteOf(location: number): number {
    return ((location - 1) & this.unitMask) * UNIT_BYTES;
  }

  private cellOf(location: number): number {
    return ((location - 1) & this.unitMask) * (UNIT_BYTES / 4);
  }
}

function inRange<T>(part: T | undefined): T {
  if (part === undefined) throw new RangeError("there is no such place in the store");
  return part;
}
