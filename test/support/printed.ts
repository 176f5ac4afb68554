/** Collects what a process prints, and the JSON lines in it. Each line is parsed once, however often a test looks. */
import type { Readable } from "node:stream";

export type LogRecord = Record<string, unknown>;

export class Printed {
  /** Everything printed so far, in order of arrival. */
  text: string = "";
  /** The lines that are JSON objects, by their `event`. */
  private readonly records: Map<string, LogRecord[]> = new Map();
  private readonly changed: () => void;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  events(name: string): readonly LogRecord[] {
    return this.records.get(name) ?? [];
  }

  read(stream: Readable | null): void {
    let line = "";
    stream?.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      const [first = "", ...more] = text.split("\n");
      line += first;
      for (const next of more) {
        this.addLine(line);
        line = next;
      }
      this.changed();
    });
  }

  private addLine(line: string): void {
    if (!line.startsWith("{")) return;
    let record: LogRecord;
    try {
      record = JSON.parse(line);
    } catch {
      return;
    }
    const event = String(record["event"]);
    const known = this.records.get(event);
    if (known === undefined) this.records.set(event, [record]);
    else known.push(record);
  }
}
