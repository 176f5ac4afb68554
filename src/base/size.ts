/** Sizes as people write them: `64KiB`, `10MiB`, `10MB`, `10kB` or a number of bytes. KiB, MiB and GiB count by 1024, kB, MB and GB by 1000. */

/** The grammar, for a schema's `pattern` as well. A space before the unit is allowed, and `KB` means kB. */
export const SIZE_PATTERN: RegExp = /^[0-9]{1,16}(?:\.[0-9]{1,6})? ?(?:B|[kK]B|KiB|MB|MiB|GB|GiB)?$/;

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1000,
  KB: 1000,
  KiB: 1024,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
};

/** Bytes; null when the text is no size, is no whole number of bytes, or is above 2^53 - 1. */
export function parseSize(text: string): number | null {
  if (!SIZE_PATTERN.test(text)) return null;
  const unit = /[A-Za-z]*$/.exec(text)?.[0] ?? "";
  const bytes = Number.parseFloat(text) * (FACTORS[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest text that `parseSize` reads back to the same number: `64KiB`, `10MB`, `4321`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "GB", "MiB", "MB", "KiB", "kB"]) {
    const factor = FACTORS[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}
