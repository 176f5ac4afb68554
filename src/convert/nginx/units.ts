/** Times and sizes of nginx. */
import { TIMER_MS_MAX, formatDuration } from "../../base/duration.ts";

const TIME_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
};

/** Milliseconds of a time such as `60`, `1m30s` or `2d`; null when it is none. */
export function timeMs(text: string | undefined): number | null {
  if (text === undefined || !/^(?:\d{1,9}(?:ms|[smhdwMy])?\s*)+$/.test(text)) return null;
  let total = 0;
  for (const [, digits, unit = "s"] of text.matchAll(/(\d+)(ms|[smhdwMy])?/g)) total += Number(digits) * (TIME_MS[unit] ?? 1000);
  return total;
}

/** As a duration of a time limit, which is never 0 and never longer than a timer can be; undefined when there is none. */
export function durationOf(text: string | undefined): string | undefined {
  const ms = timeMs(text);
  return ms === null || ms === 0 ? undefined : formatDuration(Math.min(ms, TIMER_MS_MAX));
}

/** A size such as `10m` as a size of Millrace; undefined when it is none. */
export function sizeOf(text: string | undefined): string | number | undefined {
  const [, digits, unit] = /^(\d{1,12})([kmg])?$/i.exec(text ?? "") ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (unit === undefined) return number;
  return `${number}${{ k: "KiB", m: "MiB", g: "GiB" }[unit.toLowerCase()] ?? ""}`;
}
