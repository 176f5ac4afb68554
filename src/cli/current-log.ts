import type { Config } from "../config/schema/schema.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { AppLog } from "../observe/app-log.ts";
import type { LogSink } from "../observe/sink.ts";

/** The application log of the configuration in use. It stays one object while reloads change what it writes to. */
export class CurrentLog implements AppLog {
  private inUse: AppLog;

  constructor(log: AppLog) {
    this.inUse = log;
  }

  use(log: AppLog): void {
    this.inUse = log;
  }

  log(...event: Parameters<AppLog["log"]>): void {
    this.inUse.log(...event);
  }

  readonly debug: AppLog["debug"] = (...event) => this.log("debug", ...event);
  readonly info: AppLog["info"] = (...event) => this.log("info", ...event);
  readonly warn: AppLog["warn"] = (...event) => this.log("warn", ...event);
  readonly error: AppLog["error"] = (...event) => this.log("error", ...event);
}

/** The configuration with a format for its log: the one that it names, else text for a terminal and JSON for any other output. */
export function withLogFormat(config: Config, { isTerminal }: { readonly isTerminal: boolean }): Config {
  return { ...config, logging: { ...config.logging, format: config.logging.format ?? (isTerminal ? "text" : "json") } };
}

/** An application log with the level and format of a configuration. */
export function logFor(config: Config, sink: LogSink): AppLog {
  const { level, format = "json" } = config.logging;
  return createAppLog({ level, format, write: (line) => sink.write(line), now: Date.now });
}
