/**
 * A count for one hour, day or month of UTC, as a number that a bucket table can hold: the table knows times, and takes an entry whose time has passed for
 * none (shared/bucket-table.ts). So the number is a time after the end of the window, whose fraction is the count:
 *
 * ```text
 *   number = slot * SLOT_MS + count * UNIT_MS          slot: a whole number, so that slot * SLOT_MS is after the window's end
 * ```
 * Whoever reads it takes the count from the number alone. The clocks of threads, and what they think of the wall clock, need not agree for that. A double
 * holds such numbers exactly until SLOT_MS * 2^17 (year 2039 for a clock that began in 1970, 69 years for one that began with the machine).
 */

/** Longer than any difference between clocks, and short enough that a forgotten window's entry is soon free. */
const SLOT_MS = 2 ** 24;
const UNIT_MS = 2 ** -12;

/** The largest count. */
export const WINDOW_COUNT_MAX = SLOT_MS / UNIT_MS - 1;

export type WindowLength = "hour" | "day" | "month";

/** A window of UTC. */
export interface Window {
  /** Names it: no other window of that length has this name. */
  readonly name: string;
  /** When it begins and ends, in milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
}

/** The window in which a moment lies, in milliseconds since 1970. */
export function windowAt(epochMs: number, per: WindowLength): Window {
  if (per !== "month") {
    const lengthMs = per === "hour" ? 3_600_000 : 86_400_000;
    const index = Math.floor(epochMs / lengthMs);
    return { name: `${index}`, startMs: index * lengthMs, endMs: (index + 1) * lengthMs };
  }
  const date = new Date(epochMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { name: `${year}-${month}`, startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}

/** The count that the number of a table's entry stands for. */
export function countIn(storedMs: number, nowMs: number): number {
  return storedMs <= nowMs ? 0 : (storedMs % SLOT_MS) / UNIT_MS;
}

/**
 * The number for an entry whose count is that; 0, which is no entry, for a count of 0.
 * @param storedMs the number before; 0: there was none
 * @param leftMs how long the window still lasts
 */
export function numberFor(count: number, storedMs: number, nowMs: number, leftMs: number): number {
  if (count <= 0) return 0;
  const slot = Math.floor((nowMs + Math.max(0, leftMs)) / SLOT_MS) + 1;
  const before = storedMs <= nowMs ? 0 : Math.floor(storedMs / SLOT_MS);
  return Math.max(slot, before) * SLOT_MS + Math.min(count, WINDOW_COUNT_MAX) * UNIT_MS;
}
