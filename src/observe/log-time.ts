/** Times and durations in lines of the access log. */

/** Writes times. It keeps what it has worked out for the second of the last one. */
export class LogTime {
  private second: number = NaN;
  /** `2026-11-23T10:00:00.` */
  private start: string = "";

  /** The time as in RFC 3339, in UTC with milliseconds. */
  rfc3339(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.start = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.start}${THOUSANDTHS[Math.floor(epochMs - second * 1000)] ?? "000"}Z`;
  }
}

/** The time as in the Common Log Format, in UTC: `23/Nov/2026:10:00:00 +0000`. */
export function clfTime(epochMs: number): string {
  const iso = new Date(Math.floor(epochMs / 1000) * 1000).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1] ?? ""}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const THOUSANDTHS: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0"));

/** The number with three decimals. It is made of two integers, because formatting a double takes several times as long. */
export function milliseconds(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${THOUSANDTHS[micros - whole * 1000] ?? "000"}`;
}
