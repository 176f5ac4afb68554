/**
 * Parses and formats durations as people write them: `250ms`, `10s`, `5m`, `1h`, and compositions in descending order such as `1m30s`
 * or `1h0.5s`.
 */

/**
 * The grammar, which the JSON Schema uses as a `pattern` too: one to four parts in the order h, m, s, ms, each with an optional
 * fraction. The number of digits is bounded, so no duration comes near the limits of a double.
 */
export const DURATION_PATTERN: RegExp =
  /^(?=.)(?:[0-9]{1,12}(?:\.[0-9]{1,9})?h)?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?m(?!s))?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?s)?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?ms)?$/;

/** The longest time that a timer may be set for: 24 days. Node's timers take less than 25 days; one set for longer fires at once. */
export const TIMER_MS_MAX: number = 24 * 24 * 3_600_000;

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** The duration in milliseconds, rounded to a whole number; null when the text is no duration, or one above 0 that would be rounded to 0. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9.]+)(ms|[hms])/g)) {
    total += Number(digits) * (UNITS.find(([name]) => name === unit)?.[1] ?? 0);
  }
  const rounded = Math.round(total);
  return rounded === 0 && total > 0 ? null : rounded;
}

/** The shortest text, with whole numbers, that `parseDuration` reads back to the same number: `1m30s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let text = "";
  for (const [unit, factor] of UNITS) {
    const count = Math.floor(rest / factor);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * factor;
  }
  return text;
}
