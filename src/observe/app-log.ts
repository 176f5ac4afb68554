/**
 * The application log: what happens to the process, its workers and its endpoints, as events of names.ts. JSON through pino, text by
 * a small formatter of our own; both into the one sink.
 */
import type { LogFields, LogLevel } from "../shared/protocol.ts";
import type { EventName } from "./names.ts";

export interface AppLog {
  debug(event: EventName, message: string, fields?: LogFields): void;
  info(event: EventName, message: string, fields?: LogFields): void;
  warn(event: EventName, message: string, fields?: LogFields): void;
  error(event: EventName, message: string, fields?: LogFields): void;
  /** For events that come from a worker, where the level is data. */
  log(level: LogLevel, event: EventName, message: string, fields?: LogFields): void;
}

export interface AppLogOptions {
  /** Events below it are not written. */
  readonly level: LogLevel;
  readonly format: "json" | "text";
  /** Takes one finished line, line feed included. */
  readonly write: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type WriteEvent = (level: LogLevel, event: EventName, message: string, fields: LogFields) => void;

/** Asynchronous because pino is loaded only where JSON is wanted: it costs some 30 ms of the start. */
export async function createAppLog(options: AppLogOptions): Promise<AppLog> {
  const write = options.format === "json" ? await jsonEvents(options) : textEvents(options);
  const log = (level: LogLevel, event: EventName, message: string, fields: LogFields = {}): void => {
    if (RANK[level] >= RANK[options.level]) write(level, event, message, fields);
  };
  return {
    log,
    debug: (event, message, fields) => log("debug", event, message, fields),
    info: (event, message, fields) => log("info", event, message, fields),
    warn: (event, message, fields) => log("warn", event, message, fields),
    error: (event, message, fields) => log("error", event, message, fields),
  };
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

async function jsonEvents(options: AppLogOptions): Promise<WriteEvent> {
  const { pino } = await import("pino");
  const logger = pino(
    {
      level: options.level,
      // Process id and host name say nothing that the platform does not add itself.
      base: null,
      messageKey: "message",
      timestamp: () => `,"time":"${new Date(options.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: options.write },
  );
  return (level, event, message, fields) => logger[level]({ event, ...fields }, message);
}

function textEvents(options: AppLogOptions): WriteEvent {
  return (level, event, message, fields) => {
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${word(value)}`);
    const line = `${new Date(options.now()).toISOString()} ${level.toUpperCase().padEnd(5)} ${event} ${controlsEscaped(message)}${pairs.join("")}`;
    options.write(`${line}\n`);
  };
}

function word(value: string | number | boolean): string {
  const text = controlsEscaped(String(value));
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** Reasons quote what origins and configuration files say: nothing of it may begin a new line or drive a terminal. */
function controlsEscaped(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
