import { Buffer } from "node:buffer";
import type { AccessLines, AccessRecord } from "./access-record.ts";
import { LOGGED_AGENT_MAX, LOGGED_PATH_MAX, LOGGED_TEXT_MAX, bare, cut, inQuotes } from "./log-escapes.ts";

/** Access log lines for people: `TIME INFO  access CLIENT "METHOD HOST/PATH" STATUS name=value ...`. */
export class TextLines implements AccessLines {
  bytes: Buffer = Buffer.alloc(1024);
  private second: number = NaN;
  /** The time of `second`: `2026-11-23T10:00:00.` */
  private prefix: string = "";

  write(r: AccessRecord): number {
    const asked = `${inQuotes(cut(r.method, LOGGED_TEXT_MAX))} ${inQuotes(cut(r.host, LOGGED_TEXT_MAX))}${inQuotes(cut(r.path, LOGGED_PATH_MAX))}`;
    const line =
      `${this.time(r.startedAtMs)}Z INFO  access ${bare(cut(r.client, LOGGED_TEXT_MAX))} "${asked}" ${r.status} ` +
      `received=${r.bytesReceived} sent=${r.bytesSent} ${milliseconds(r.durationMs)}ms` +
      `${r.originHeadMs < 0 ? "" : ` origin=${milliseconds(r.originHeadMs)}ms`} endpoint=${bare(r.endpoint)} route=${bare(r.route)} ` +
      `attempts=${r.attempts} outcome=${bare(r.outcome)} worker=${r.worker}${named("request_id", r.requestId, LOGGED_TEXT_MAX)}${named("trace_id", r.notes.traceId, LOGGED_TEXT_MAX)}` +
      `${named("user_agent", r.notes.userAgent, LOGGED_AGENT_MAX)}${named("referer", r.notes.referer, LOGGED_PATH_MAX)}\n`;
    if (line.length > this.bytes.length) this.bytes = Buffer.alloc(2 * line.length);
    return this.bytes.write(line, "latin1");
  }

  /** The time as in RFC 3339, in UTC with milliseconds, without the Z at the end. */
  private time(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return this.prefix + (THOUSANDTHS[Math.floor(epochMs - second * 1000)] ?? "000");
  }
}

/** What many requests do not have stands in a line only where it is. */
function named(name: string, text: string, max: number): string {
  return text === "" ? "" : ` ${name}=${bare(cut(text, max))}`;
}

const THOUSANDTHS: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0"));

/** The number with three decimals. It is made of two integers, because formatting a double takes several times as long. */
function milliseconds(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${THOUSANDTHS[micros - whole * 1000] ?? "000"}`;
}
