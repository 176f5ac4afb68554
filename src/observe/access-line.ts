/**
 * The access log: one line per exchange, as JSON (access-json.ts) or text (access-text.ts), with the fields that the configuration chooses
 * (access-chosen.ts) or as it spells them (access-template.ts).
 *
 * Every line is ASCII. What a client sends is latin1 text, of which all but printable ASCII is escaped (`\u001b` in JSON, `\x1b` in text). So
 * no request can break or forge a line or control a terminal, the output is valid UTF-8 whatever the bytes were, and the length of a line is
 * its size in bytes.
 */
import { STANDARD_SHAPE } from "../config/access-log/access-shape.ts";
import type { AccessShape } from "../config/access-log/access-shape.ts";
import { STANDARD_FIELDS, isStandardField } from "../config/access-log/access-fields.ts";
import { ChosenJsonLines, ChosenTextLines } from "./access-chosen.ts";
import { JsonLines } from "./access-json.ts";
import type { AccessLines, AccessRecord } from "./access-record.ts";
import { TemplateLines } from "./access-template.ts";
import { TextLines } from "./access-text.ts";
import { OPTIONAL } from "./access-values.ts";

export type AccessFormat = "json" | "text";

/** Makes the writer of a format, for records of that shape. */
export function accessLines(format: AccessFormat, shape: AccessShape = STANDARD_SHAPE): AccessLines {
  if (shape.template !== null) return new TemplateLines(shape);
  // The fast writers know lines that have all fields that every exchange has.
  const isWhole = Object.keys(STANDARD_FIELDS).every(
    (name) => !isStandardField(name) || shape.fields.has(name) || (name !== "origin_head_ms" && OPTIONAL.has(name)),
  );
  if (format === "json") return isWhole ? new JsonLines(shape) : new ChosenJsonLines(shape);
  return isWhole ? new TextLines(shape) : new ChosenTextLines(shape);
}

/** The line as a text. */
export function lineOf(lines: AccessLines, record: AccessRecord): string {
  // `bytes` is read after `write`, which replaces the buffer for a long line.
  const length = lines.write(record);
  return lines.bytes.toString("latin1", 0, length);
}

/** The writers of one thread: one for each shape, in the format of the configuration. */
export class AccessWriters {
  private readonly format: AccessFormat;
  /** By shape. A shape that no configuration has any more takes its writer with it. */
  private readonly writers: WeakMap<AccessShape, AccessLines> = new WeakMap();
  private shape: AccessShape = STANDARD_SHAPE;
  private writer: AccessLines;

  constructor(format: AccessFormat) {
    this.format = format;
    this.writer = accessLines(format);
  }

  /** The writer for the record. */
  for({ shape }: AccessRecord): AccessLines {
    if (shape === this.shape) return this.writer;
    let writer = this.writers.get(shape);
    if (writer === undefined) this.writers.set(shape, (writer = accessLines(this.format, shape)));
    this.shape = shape;
    return (this.writer = writer);
  }
}
