/**
 * Serves one configuration as a whole process: log output, control plane, signals, exit code. `run` and `demo` both end here.
 *
 * Each listener's `listening on http://...` line goes to stdout whatever the log level is. Where stdout is also the JSON log, the line
 * is an event of that log, so that every line there is JSON; else it is plain text for people.
 */
import fs from "node:fs";
import os from "node:os";
import { codeOf, messageOf, stackOf } from "../base/errors.ts";
import type { Config } from "../config/schema.ts";
import { shownFile } from "../config/shown.ts";
import { ControlPlane } from "../control/control-plane.ts";
import type { OpenedListener } from "../control/listeners.ts";
import { ServiceManager } from "../control/service-manager.ts";
import { unusedSockets } from "../control/socket-activation.ts";
import type { WorkerThreads } from "../control/worker-threads.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { AppLog } from "../observe/app-log.ts";
import { LogSink } from "../observe/sink.ts";
import type { SinkTrouble } from "../observe/sink.ts";
import { monotonicMs } from "../net/system-clock.ts";
import type { EarlySignals } from "./early-signals.ts";
import { listenerUrl } from "./listener-url.ts";
import { filesProblem } from "./too-few-files.ts";
import type { Printer } from "./printer.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** A line each. */
  readonly warnings: readonly string[];
}

type LoadConfig = () => Promise<LoadedConfig | { readonly lines: readonly string[] }>;

export interface ServeOptions extends LoadedConfig {
  readonly version: string;
  readonly threads: WorkerThreads;
  /** Sockets that were handed over to the process; null: that is not known. */
  readonly inherited: ReadonlySet<number> | null;
  readonly printer: Printer;
  /** Loads the configuration again on SIGHUP; the lines say what is wrong with it. Absent: SIGHUP does nothing. */
  readonly reload?: LoadConfig;
  /** What held signals until now. */
  readonly earlySignals?: EarlySignals;
  /** Called when all listeners accept connections. */
  readonly onStarted?: () => void;
}

/** Time for the last log lines to go out. */
const LOG_FLUSH_MS = 1000;

/** Resolves with the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, printer } = options;
  let sink: LogSink;
  try {
    sink = new LogSink({ output: config.logging.output, now: monotonicMs });
  } catch (error) {
    printer.err(`millrace: cannot open the log file ${shownFile(config.logging.output)}: ${logProblem(error)}\n`);
    return 2;
  }
  const log = new CurrentLog(logFor(config, sink));
  sink.onTrouble = (trouble) => reportTrouble(trouble, log, printer);
  const signals = new Signals(sink, log, printer, options.earlySignals);
  const manager = new ServiceManager({ environment: process.env, pid: process.pid, log });
  signals.stop.addEventListener("abort", () => manager.stopping());
  try {
    return await served(options, sink, log, signals, manager);
  } finally {
    await manager.close();
    signals.release();
    await sink.close(LOG_FLUSH_MS);
  }
}

async function served(options: ServeOptions, sink: LogSink, log: CurrentLog, signals: Signals, manager: ServiceManager): Promise<number> {
  const { config, version, printer } = options;
  log.info("starting", `millrace ${version} starts`, { version, node: process.version, pid: process.pid });
  for (const line of warningsOf(options)) log.warn("config_warning", line);
  const plane = new ControlPlane({
    config,
    log,
    version,
    threads: options.threads,
    inherited: options.inherited,
    takeLines: (data, lines, taken) => sink.write(data, lines, taken),
    logDroppedLines: () => sink.dropped,
    refusedReloads: () => reloads.refused,
    readFile: (path) => fs.readFileSync(path, "utf8"),
    startedAtMs: Date.now() - Math.round(process.uptime() * 1000),
    now: Date.now,
    monotonic: monotonicMs,
  });
  const reloads = new Reloads(plane, sink, log, manager, printer);
  const outcome = await plane.start(signals.stop);
  if (outcome.kind !== "started") {
    await plane.stop();
    if (outcome.kind === "stopped") return 0;
    // Only here: who started the process reads stderr, and the same line in the log would be the second one.
    const lines = outcome.lines.map((line) => filesProblem(line) ?? oneLine(line));
    for (const line of new Set(lines)) printer.err(`millrace: ${line}\n`);
    return 2;
  }
  announce(outcome.listeners, outcome.adminUrl, config, printer, sink);
  log.info("started", "all listeners accept connections", { startup_ms: Math.round(process.uptime() * 1000) });
  manager.ready(() => plane.standstill);
  if (options.onStarted !== undefined) {
    // What it prints comes after what the log has printed.
    await sink.flush(LOG_FLUSH_MS);
    options.onStarted();
  }
  const load = options.reload;
  if (load !== undefined) signals.onHangup(() => void reloads.reload(load));
  await signals.stopped;
  await plane.drain();
  log.info("stopped", "millrace ends");
  return 0;
}

/** What SIGHUP brings. */
class Reloads {
  refused: number = 0;
  private readonly plane: ControlPlane;
  private readonly sink: LogSink;
  private readonly log: CurrentLog;
  private readonly manager: ServiceManager;
  private readonly printer: Printer;
  private asked: number = 0;
  private loaded: number = 0;

  constructor(plane: ControlPlane, sink: LogSink, log: CurrentLog, manager: ServiceManager, printer: Printer) {
    this.plane = plane;
    this.sink = sink;
    this.log = log;
    this.manager = manager;
    this.printer = printer;
  }

  /** Never rejects. */
  async reload(load: LoadConfig): Promise<void> {
    this.manager.reloading();
    const isRefused = await this.tryReload(load);
    if (isRefused) this.refused++;
    this.manager.reloaded(isRefused);
  }

  /** Whether the configuration was refused. */
  private async tryReload(load: LoadConfig): Promise<boolean> {
    const { plane, log } = this;
    const turn = ++this.asked;
    try {
      const loaded = await load();
      // Somebody asked later and was served earlier: a module may take its time.
      if (turn < this.loaded) return false;
      this.loaded = turn;
      if ("lines" in loaded) return this.refuse(loaded.lines);
      const outcome = await plane.reload(loaded.config);
      if (outcome.kind === "refused") return this.refuse(outcome.lines);
      log.use(logFor(loaded.config, this.sink));
      for (const line of warningsOf(loaded)) log.warn("config_warning", line);
      announce(outcome.opened, outcome.adminUrl, loaded.config, this.printer, this.sink);
      for (const address of outcome.closed) {
        const message = `no longer listening on ${address}: what its connections carry may end within ${loaded.config.shutdown.timeout} ms`;
        log.info("listener_closed", message, { address });
      }
      log.info("config_reloaded", "the new configuration is in use");
      return false;
    } catch (error) {
      log.error("config_refused", `the old configuration stays in use: ${messageOf(error)}`);
      return true;
    }
  }

  private refuse(lines: readonly string[]): true {
    for (const line of lines) this.log.error("config_refused", line);
    this.log.error("config_refused", "the old configuration stays in use", { problems: lines.length });
    return true;
  }
}

/** Of the configuration itself, and of sockets that it leaves alone. */
function warningsOf({ config, warnings }: LoadedConfig): readonly string[] {
  const addresses = config.listeners.map(({ address }) => address);
  return [...warnings, ...unusedSockets(addresses, process.env, process.pid)];
}

/** One line per listener that was opened and one for the admin address; see the head of this file. */
function announce(opened: readonly OpenedListener[], adminUrl: string | null, { logging }: Config, printer: Printer, sink: LogSink): void {
  const lines = opened.map(({ target, address }) => ({ what: "listening on", url: listenerUrl(target, address) }));
  if (adminUrl !== null) lines.push({ what: "admin on", url: adminUrl });
  if (logging.output === "stdout" && logging.format === "json") {
    const log = createAppLog({ level: "info", format: "json", write: (line) => sink.write(line), now: Date.now });
    for (const { what, url } of lines) log.info("listening", `${what} ${url}`, { url });
    return;
  }
  for (const { what, url } of lines) {
    if (logging.output === "stdout") sink.write(`${what} ${url}\n`);
    else printer.out(`${what} ${url}\n`);
  }
}

function logFor(config: Config, sink: LogSink): AppLog {
  const { level, format } = config.logging;
  return createAppLog({ level, format, write: (line) => sink.write(line), now: Date.now });
}

/** The system's message would name the file a second time. */
function logProblem(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "its folder does not exist",
    EACCES: "this user may not write it",
    EISDIR: "it is a folder",
    ENOTDIR: "a part of its path is a file",
    EROFS: "the file system is read-only",
  };
  const code = codeOf(error);
  return code === "" ? messageOf(error) : `${reasons[code] ?? "the system refuses"} (${code})`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " | ");
}

/** The application log of the configuration in use. */
class CurrentLog implements AppLog {
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

function reportTrouble(trouble: SinkTrouble, log: AppLog, printer: Printer): void {
  if (trouble.event === "log_lines_dropped") log.warn(trouble.event, trouble.message, { lines: trouble.lines });
  else
    printer.err(
      `millrace: ${trouble.message}; ${trouble.lines > 0 ? `${trouble.lines} lines dropped` : "lines wait, or are dropped and counted"}\n`,
    );
}

/** What the process does on signals and on errors that nobody caught. */
class Signals {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Resolves with it. */
  readonly stopped: Promise<void>;
  private hungUp: boolean = false;
  private hangup: (() => void) | null = null;
  private readonly handlers: ReadonlyMap<string, (argument: unknown) => void>;

  /** @param early what held signals until now */
  constructor(sink: LogSink, log: AppLog, printer: Printer, early: EarlySignals | undefined) {
    const abort = new AbortController();
    this.stop = abort.signal;
    this.stopped = new Promise((resolve) => this.stop.addEventListener("abort", () => resolve(), { once: true }));
    const end = (signal: "SIGTERM" | "SIGINT") => (): void => {
      if (!abort.signal.aborted) return abort.abort();
      sink.flushSync();
      printer.flushSync();
      // As a shell reports a death by signal: neither 0, for exchanges were cut, nor 1 or 2, which have meanings of their own.
      process.exit(128 + os.constants.signals[signal]);
    };
    const reopen = (): void =>
      sink.reopen((problem) => {
        if (problem === null) return log.info("log_reopened", "the log output was reopened");
        const message = `the log file cannot be opened anew (${problem}); lines go to the old one, and it is tried again`;
        log.error("log_output_failed", message);
        printer.err(`millrace: ${message}\n`);
      });
    const fault = (error: unknown): void => {
      sink.flushSync();
      printer.err(`millrace: ${filesProblem(error) ?? `internal error: ${oneLine(stackOf(error))}`}\n`);
      printer.flushSync();
      process.exit(2);
    };
    this.handlers = new Map<string, (argument: unknown) => void>([
      ["SIGTERM", end("SIGTERM")],
      ["SIGINT", end("SIGINT")],
      ["SIGHUP", () => (this.hangup === null ? (this.hungUp = true) : this.hangup())],
      ["SIGUSR1", reopen],
      ["uncaughtException", fault],
      ["unhandledRejection", fault],
    ]);
    for (const [event, handler] of this.handlers) process.on(event, handler);
    // Behind that: a signal that nobody listens to for a moment, be it one that has come and is not told yet, is lost.
    if (early?.release() === true) this.hungUp = true;
  }

  /** What to do on SIGHUP from now on; at once if one came before. */
  onHangup(hangup: () => void): void {
    this.hangup = hangup;
    if (this.hungUp) hangup();
  }

  release(): void {
    for (const [event, handler] of this.handlers) process.off(event, handler);
  }
}
