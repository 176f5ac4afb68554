/** Lines of the access log as texts of a template. */
import type { AccessShape, TemplatePart } from "../config/access-log/access-shape.ts";
import { ComposedLines } from "./access-chosen.ts";
import type { AccessRecord } from "./access-record.ts";
import { inputIn, valueIn } from "./access-values.ts";
import { inQuotes } from "./log-escapes.ts";
import { LogTime, clfTime } from "./log-time.ts";

/** Bytes of a line. A template may name many long values; whatever it names, a line fits into a chunk of the log (log-batch.ts). */
const LINE_BYTES_MAX = 64 * 1024;

export class TemplateLines extends ComposedLines {
  private readonly shape: AccessShape;
  private readonly time: LogTime = new LogTime();

  constructor(shape: AccessShape) {
    super();
    this.shape = shape;
  }

  protected line(record: AccessRecord): string {
    let line = "";
    for (const part of this.shape.template ?? []) line += typeof part === "string" ? part : this.shown(record, part);
    return line.length < LINE_BYTES_MAX ? `${line}\n` : `${line.slice(0, LINE_BYTES_MAX - 4)}...\n`;
  }

  private shown(record: AccessRecord, { value, isQuoted }: Exclude<TemplatePart, string>): string {
    if (value === "time") return this.time.rfc3339(record.startedAtMs);
    if (value === "clf_time") return clfTime(record.startedAtMs);
    const text = typeof value === "number" ? this.input(record, value) : valueIn(record, value);
    if (text === "") return "-";
    return isQuoted ? inQuotes(text) : unquoted(text);
  }

  private input(record: AccessRecord, position: number): string {
    const input = this.shape.inputs[position];
    return input === undefined ? "" : inputIn(record, input, position);
  }
}

/** Outside of quotes a space would begin the next column, and a quote a word that may hold spaces. */
function unquoted(text: string): string {
  return inQuotes(text).replaceAll(" ", "\\x20").replaceAll('\\"', "\\x22");
}
