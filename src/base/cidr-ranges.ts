/**
 * Many blocks of addresses as two sorted lists of ranges that do not overlap, in one piece of memory that threads can share. A look-up is a binary search, so
 * a hundred thousand blocks cost little more than ten.
 *
 * ```text
 *   count of IPv4, count of IPv6 | IPv4: all first addresses, all last ones | IPv6: the same, four words each
 * ```
 */
import type { Block } from "./cidr.ts";

/** Words of 32 bits. */
export type RangeTable = Uint32Array;

const HEAD_WORDS = 2;
const WORDS6 = 4;
const ALL_BITS = 0xffff_ffff;

/** @param makeMemory makes the memory of that many bytes, zeroed */
export function rangeTable<Memory extends ArrayBufferLike>(blocks: readonly Block[], makeMemory: (bytes: number) => Memory): Memory {
  const ranges4 = mergedRanges4(blocks);
  const ranges6 = mergedRanges6(blocks);
  const memory = makeMemory(4 * (HEAD_WORDS + 2 * ranges4.length + 2 * WORDS6 * ranges6.length));
  const table = new Uint32Array(memory);
  table[0] = ranges4.length;
  table[1] = ranges6.length;
  const starts6 = HEAD_WORDS + 2 * ranges4.length;
  ranges4.forEach(({ start, end }, index) => {
    table[HEAD_WORDS + index] = start;
    table[HEAD_WORDS + ranges4.length + index] = end;
  });
  ranges6.forEach(({ start, end }, index) => {
    table.set(start, starts6 + WORDS6 * index);
    table.set(end, starts6 + WORDS6 * (ranges6.length + index));
  });
  return memory;
}

/** Whether no address is in the table. */
export function isEmptyTable(table: RangeTable): boolean {
  return table.length <= HEAD_WORDS;
}

export function tableHas4(table: RangeTable, value: number): boolean {
  const count = table[0] ?? 0;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table[HEAD_WORDS + middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value <= (table[HEAD_WORDS + count + low - 1] as number);
}

/** @param groups eight groups of 16 bits */
export function tableHas6(table: RangeTable, groups: readonly number[]): boolean {
  const count = table[1] ?? 0;
  if (count === 0) return false;
  const words = wordsOf(groups);
  const starts = HEAD_WORDS + 2 * (table[0] ?? 0);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(table, starts + WORDS6 * middle, words) <= 0) low = middle + 1;
    else high = middle;
  }
  return low > 0 && compareAt(table, starts + WORDS6 * (count + low - 1), words) >= 0;
}

/** Below 0, 0 or above 0: how the address at `at` compares with the other. */
function compareAt(table: RangeTable, at: number, words: readonly number[]): number {
  for (let index = 0; index < WORDS6; index++) {
    const difference = (table[at + index] as number) - (words[index] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

interface Range4 {
  readonly start: number;
  readonly end: number;
}

function mergedRanges4(blocks: readonly Block[]): Range4[] {
  const ranges = blocks.flatMap((block) => (block.family === 4 ? [block] : [])).sort((a, b) => a.start - b.start);
  const merged: Range4[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end + 1) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else merged.push(range);
  }
  return merged;
}

interface Range6 {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

function mergedRanges6(blocks: readonly Block[]): Range6[] {
  const ranges = blocks.flatMap((block) => (block.family === 6 ? [range6(wordsOf(block.groups), block.prefix)] : []));
  ranges.sort((a, b) => compare(a.start, b.start));
  const merged: Range6[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    // Two blocks lie within each other or apart, and of two that begin together either may be the larger.
    if (last === undefined || compare(range.start, last.end) > 0) merged.push(range);
    else if (compare(range.end, last.end) > 0) merged[merged.length - 1] = range;
  }
  return merged;
}

function range6(words: readonly number[], prefix: number): Range6 {
  const masks = words.map((_, index) => {
    const bits = Math.min(32, Math.max(0, prefix - 32 * index));
    // A shift by 32 would shift by 0.
    return bits === 0 ? 0 : (ALL_BITS << (32 - bits)) >>> 0;
  });
  return {
    start: words.map((word, index) => (word & (masks[index] ?? 0)) >>> 0),
    end: words.map((word, index) => (word | ~(masks[index] ?? 0)) >>> 0),
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < WORDS6; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function wordsOf(groups: readonly number[]): number[] {
  return [word(groups, 0), word(groups, 2), word(groups, 4), word(groups, 6)];
}

function word(groups: readonly number[], at: number): number {
  return (groups[at] as number) * 0x1_0000 + (groups[at + 1] as number);
}
