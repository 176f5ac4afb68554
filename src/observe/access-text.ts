import type { AccessShape } from "../config/access-log/access-shape.ts";
import { ComposedLines } from "./access-chosen.ts";
import type { AccessRecord } from "./access-record.ts";
import { furtherText } from "./further-values.ts";
import { LOGGED_AGENT_MAX, LOGGED_PATH_MAX, LOGGED_TEXT_MAX, bare, cut, inQuotes } from "./log-escapes.ts";
import { LogTime, milliseconds } from "./log-time.ts";

/** Access log lines for people: `TIME INFO  access CLIENT "METHOD HOST/PATH" STATUS name=value ...`. */
export class TextLines extends ComposedLines {
  private readonly fields: AccessShape["fields"];
  private readonly hasMore: boolean;
  private readonly time: LogTime = new LogTime();

  constructor({ fields, inputs }: AccessShape) {
    super();
    this.fields = fields;
    this.hasMore = inputs.length > 0;
  }

  protected line(r: AccessRecord): string {
    const { fields } = this;
    const asked = `${inQuotes(cut(r.method, LOGGED_TEXT_MAX))} ${inQuotes(cut(r.host, LOGGED_TEXT_MAX))}${inQuotes(cut(r.path, LOGGED_PATH_MAX))}`;
    let line =
      `${this.time.rfc3339(r.startedAtMs)} INFO  access ${bare(cut(r.client, LOGGED_TEXT_MAX))} "${asked}" ${r.status} ` +
      `received=${r.bytesReceived} sent=${r.bytesSent} ${milliseconds(r.durationMs)}ms` +
      `${r.originHeadMs < 0 ? "" : ` origin=${milliseconds(r.originHeadMs)}ms`} endpoint=${bare(r.endpoint)} route=${bare(r.route)} ` +
      `attempts=${r.attempts} outcome=${bare(r.outcome)} worker=${r.worker}`;
    if (r.requestId !== "" && fields.has("request_id")) line += ` request_id=${bare(cut(r.requestId, LOGGED_TEXT_MAX))}`;
    if (r.notes.traceId !== "" && fields.has("trace_id")) line += ` trace_id=${bare(cut(r.notes.traceId, LOGGED_TEXT_MAX))}`;
    if (this.hasMore) line += furtherText(r);
    if (r.notes.userAgent !== "" && fields.has("user_agent")) line += ` user_agent=${bare(cut(r.notes.userAgent, LOGGED_AGENT_MAX))}`;
    if (r.notes.referer !== "" && fields.has("referer")) line += ` referer=${bare(cut(r.notes.referer, LOGGED_PATH_MAX))}`;
    return `${line}\n`;
  }
}
