/**
 * The application log: lines about what happens to the process, its workers and its endpoints, as JSON or as text for people. Each line is an
 * event of names.ts.
 */
import type { LogFields } from "../shared/log-fields.ts";
import type { LogLevel } from "../shared/protocol.ts";
import type { EventName } from "./names.ts";

export interface AppLog {
  debug(event: EventName, message: string, fields?: LogFields): void;
  info(event: EventName, message: string, fields?: LogFields): void;
  warn(event: EventName, message: string, fields?: LogFields): void;
  error(event: EventName, message: string, fields?: LogFields): void;
  /** For events whose level is data, such as those that workers send. */
  log(level: LogLevel, event: EventName, message: string, fields?: LogFields): void;
}

export interface AppLogOptions {
  /** Events below this level are not written. */
  readonly level: LogLevel;
  readonly format: "json" | "text";
  /** Takes one finished line, line feed included. */
  readonly write: (line: string) => void;
  /** Gives epoch milliseconds. */
  readonly now: () => number;
}

type WriteEvent = (level: LogLevel, event: EventName, message: string, fields: LogFields) => void;

/** Makes an application log that gives its lines to `options.write`. */
export function createAppLog(options: AppLogOptions): AppLog {
  const write = options.format === "json" ? jsonEvents(options) : textEvents(options);
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

/**
 * Lines as JSON. Keys that access lines have too come in the same order. Process id and host name are left to the platform that collects
 * logs.
 */
function jsonEvents(options: AppLogOptions): WriteEvent {
  return (level, event, message, fields) =>
    options.write(`${JSON.stringify({ time: new Date(options.now()).toISOString(), level, event, ...fields, message })}\n`);
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

/**
 * Escapes control characters. Messages quote origin servers and configuration files, whose text must not begin a new line or control a
 * terminal.
 */
function controlsEscaped(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
