/** Lines of the access log that lack standard fields, because the configuration has chosen others. */
import { Buffer } from "node:buffer";
import { STANDARD_FIELDS, isStandardField } from "../config/access-log/access-fields.ts";
import type { StandardField } from "../config/access-log/access-fields.ts";
import type { AccessShape } from "../config/access-log/access-shape.ts";
import type { AccessLines, AccessRecord } from "./access-record.ts";
import { NUMBERS, OPTIONAL, valueIn } from "./access-values.ts";
import { furtherJson, furtherText } from "./further-values.ts";
import { bare, quoted } from "./log-escapes.ts";
import { LogTime } from "./log-time.ts";

/** Lines that are put together as one text each. */
export abstract class ComposedLines implements AccessLines {
  bytes: Buffer = Buffer.alloc(1024);

  write(record: AccessRecord): number {
    const line = this.line(record);
    if (line.length > this.bytes.length) this.bytes = Buffer.alloc(2 * line.length);
    return this.bytes.write(line, "latin1");
  }

  /** The line in ASCII, its line feed included. */
  protected abstract line(record: AccessRecord): string;
}

/** `{"time": ..., "level":"info","event":"access", ...}` */
export class ChosenJsonLines extends ComposedLines {
  private readonly fields: readonly StandardField[];
  private readonly time: LogTime = new LogTime();

  constructor(shape: AccessShape) {
    super();
    this.fields = inOrder(shape);
  }

  protected line(record: AccessRecord): string {
    let line = `{"time":"${this.time.rfc3339(record.startedAtMs)}","level":"info","event":"access"`;
    let after = "";
    for (const field of this.fields) {
      const value = valueIn(record, field);
      if (value === "" && OPTIONAL.has(field)) continue;
      const member = NUMBERS.has(field) ? `,"${field}":${value}` : `,"${field}":"${quoted(value)}"`;
      if (LAST.has(field)) after += member;
      else line += member;
    }
    return `${line}${furtherJson(record)}${after}}\n`;
  }
}

/** `TIME INFO  access name=value ...` */
export class ChosenTextLines extends ComposedLines {
  private readonly fields: readonly StandardField[];
  private readonly time: LogTime = new LogTime();

  constructor(shape: AccessShape) {
    super();
    this.fields = inOrder(shape);
  }

  protected line(record: AccessRecord): string {
    let line = `${this.time.rfc3339(record.startedAtMs)} INFO  access`;
    let after = "";
    for (const field of this.fields) {
      const value = valueIn(record, field);
      if (value === "" && OPTIONAL.has(field)) continue;
      if (LAST.has(field)) after += ` ${field}=${bare(value)}`;
      else line += ` ${field}=${bare(value)}`;
    }
    return `${line}${furtherText(record)}${after}\n`;
  }
}

/** They are long, so a line ends with them. */
const LAST: ReadonlySet<StandardField> = new Set<StandardField>(["user_agent", "referer"]);

function inOrder({ fields }: AccessShape): readonly StandardField[] {
  return Object.keys(STANDARD_FIELDS)
    .filter(isStandardField)
    .filter((name) => fields.has(name));
}
