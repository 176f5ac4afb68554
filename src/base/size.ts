/**
 * Parses and formats sizes as people write them: `64KiB`, `10MiB`, `10MB`, `10kB` or a number of bytes. KiB, MiB and GiB count by 1024,
 * kB, MB and GB by 1000.
 */

/** The grammar, which the JSON Schema uses as a `pattern` too. A space before the unit is allowed, and `KB` means kB. */
export const SIZE_PATTERN: RegExp = /^[0-9]{1,16}(?:\.[0-9]{1,6})? ?(?:B|[kK]B|KiB|MB|MiB|GB|GiB)?$/;

/**
 * Bytes of each unit, in the order in which `formatSize` tries them. What is a whole number of kB and of KiB was probably written in kB: 128kB, not
 * 125KiB.
 */
const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ["GB", 1000 ** 3],
  ["GiB", 1024 ** 3],
  ["MB", 1000 ** 2],
  ["MiB", 1024 ** 2],
  ["kB", 1000],
  ["KiB", 1024],
  ["KB", 1000],
];

/** The size in bytes; null when the text is no size, is no whole number of bytes, or is above 2^53 - 1. */
export function parseSize(text: string): number | null {
  if (!SIZE_PATTERN.test(text)) return null;
  const factor = UNITS.find(([unit]) => text.endsWith(unit))?.[1] ?? 1;
  const bytes = Number.parseFloat(text) * factor;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The size that a value of a file means, before it was checked; null: it is no size. */
export function bytesOf(value: unknown): number | null {
  return typeof value === "number" ? value : typeof value === "string" ? parseSize(value) : null;
}

/** The shortest text that `parseSize` reads back to the same number: `64KiB`, `10MB`, `4321`. */
export function formatSize(bytes: number): string {
  const unit = UNITS.find(([, factor]) => bytes >= factor && bytes % factor === 0);
  return unit === undefined ? String(bytes) : `${bytes / unit[1]}${unit[0]}`;
}
