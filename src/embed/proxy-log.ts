/** The log of a proxy within a program: each entry goes to the program, and to an output if the configuration names one. */
import { createAppLog } from "../observe/app-log.ts";
import type { AppLog } from "../observe/app-log.ts";
import { logProblem } from "../observe/log-problem.ts";
import { LogSink } from "../observe/sink.ts";
import type { OpenedOutput, SinkTrouble } from "../observe/sink.ts";
import type { EventName } from "../observe/names.ts";
import type { LogFields } from "../shared/log-fields.ts";
import type { LogLevel } from "../shared/protocol.ts";
import type { LogEntry } from "./proxy-types.ts";
import type { ReadProxyConfig } from "./read-proxy-config.ts";

/** A change of the output that is ready, but not made yet. */
export interface PreparedLog {
  commit(): void;
  discard(): void;
}

/** Time limit for writing the last lines. */
const FLUSH_MS = 1000;

export class ProxyLog implements AppLog {
  private readonly onEntry: (entry: LogEntry) => void;
  private readonly now: () => number;
  private sink: LogSink | null = null;
  private entries: AppLog;
  private lines: AppLog | null = null;
  /** Lines that outputs which are closed have dropped. */
  private droppedBefore: number = 0;

  /** @param now monotonic milliseconds */
  constructor(onEntry: (entry: LogEntry) => void, now: () => number) {
    this.onEntry = onEntry;
    this.now = now;
    this.entries = this.entriesFrom("info");
  }

  get dropped(): number {
    return this.droppedBefore + (this.sink?.dropped ?? 0);
  }

  /** Opens the output of a configuration. Throws an Error that names it if that fails. */
  prepare({ config: { logging }, writesLog }: ReadProxyConfig): PreparedLog {
    const { sink } = this;
    const use = (next: LogSink | null): void => {
      this.entries = this.entriesFrom(logging.level);
      this.lines =
        next === null
          ? null
          : createAppLog({ level: logging.level, format: logging.format ?? "json", write: (line) => next.write(line), now: Date.now });
      if (next === sink) return;
      if (sink !== null) void this.retire(sink);
      this.sink = next;
    };
    const { output } = logging;
    if (!writesLog || output === sink?.destination) return { commit: () => use(writesLog ? sink : null), discard: () => {} };
    try {
      if (sink === null) {
        const opened = new LogSink({ output, now: this.now });
        opened.onTrouble = (trouble) => this.reportTrouble(trouble);
        return { commit: () => use(opened), discard: () => void opened.close(0) };
      }
      const opened: OpenedOutput = sink.open(output);
      return {
        commit: () => {
          sink.use(opened);
          use(sink);
        },
        discard: () => sink.discard(opened),
      };
    } catch (error) {
      throw new Error(`logging.output: ${logProblem(output, error)}`, { cause: error });
    }
  }

  /** Writes access log lines of a worker, and calls `taken` once they are written or dropped. */
  takeLines(data: Uint8Array, lines: number, taken: () => void): void {
    if (this.sink === null) taken();
    else this.sink.write(data, lines, taken);
  }

  async close(): Promise<void> {
    const { sink } = this;
    this.sink = null;
    this.lines = null;
    if (sink !== null) await this.retire(sink);
  }

  log(level: LogLevel, event: EventName, message: string, fields?: LogFields): void {
    this.entries.log(level, event, message, fields);
    this.lines?.log(level, event, message, fields);
  }

  readonly debug: AppLog["debug"] = (...event) => this.log("debug", ...event);
  readonly info: AppLog["info"] = (...event) => this.log("info", ...event);
  readonly warn: AppLog["warn"] = (...event) => this.log("warn", ...event);
  readonly error: AppLog["error"] = (...event) => this.log("error", ...event);

  private entriesFrom(level: LogLevel): AppLog {
    return createAppLog({ level, format: "json", write: (line) => this.onEntry(JSON.parse(line) as LogEntry), now: Date.now });
  }

  private async retire(sink: LogSink): Promise<void> {
    await sink.close(FLUSH_MS);
    this.droppedBefore += sink.dropped;
  }

  /** An output that cannot be written cannot be told so: that goes to the program alone. */
  private reportTrouble({ event, message, lines }: SinkTrouble): void {
    if (event === "log_lines_dropped") this.warn(event, message, { lines });
    else this.entries.error(event, message, { lines });
  }
}
