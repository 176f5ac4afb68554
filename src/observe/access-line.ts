/**
 * The access log: one line per exchange, as JSON (access-json.ts) or text (access-text.ts).
 *
 * Every line is ASCII. What a client sends is latin1 text, of which all but printable ASCII is escaped (`\u001b` in JSON, `\x1b` in text). So
 * no request can break or forge a line or control a terminal, the output is valid UTF-8 whatever the bytes were, and the length of a line is
 * its size in bytes.
 */
import { JsonLines } from "./access-json.ts";
import type { AccessLines } from "./access-record.ts";
import { TextLines } from "./access-text.ts";

export type AccessFormat = "json" | "text";

/** Makes the writer of a format. */
export function accessLines(format: AccessFormat): AccessLines {
  return format === "json" ? new JsonLines() : new TextLines();
}
