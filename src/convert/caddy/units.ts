/** Durations and sizes of Caddy, which are those of Go. */
import { TIMER_MS_MAX, formatDuration } from "../../base/duration.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `1m30s`; undefined when it is none, or none that a time limit can have. */
export function caddyDuration(text: string): string | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, digits, unit = "s"] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) ms += Number(digits) * (UNIT_MS[unit] ?? 1000);
  return ms < 1 ? undefined : formatDuration(Math.min(Math.round(ms), TIMER_MS_MAX));
}

/** A size such as `10MB` or `10MiB`; undefined when it is none. */
export function caddySize(text: string): string | number | undefined {
  const [, digits, unit = ""] = /^(\d+)\s*([kmg]?i?b?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const [letter, isBinary] = [unit.slice(0, 1).toUpperCase(), /i/i.test(unit)];
  if (letter === "" || letter === "B") return Number(digits);
  return `${digits}${isBinary ? `${letter}iB` : letter === "K" ? "kB" : `${letter}B`}`;
}
