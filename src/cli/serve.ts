/** Serves one configuration as a whole process: log output, control plane, signals, exit code. `run` and `demo` both end here. */
import fs from "node:fs";
import os from "node:os";
import { stackOf } from "../base/errors.ts";
import { ControlPlane } from "../control/control-plane.ts";
import { ServiceManager } from "../control/service-manager.ts";
import type { WorkerThreads } from "../control/worker-threads.ts";
import type { AppLog } from "../observe/app-log.ts";
import { LogSink } from "../observe/sink.ts";
import type { SinkTrouble } from "../observe/sink.ts";
import { monotonicMs } from "../net/system-clock.ts";
import { announce } from "./announce.ts";
import { CurrentLog, logFor } from "./current-log.ts";
import type { EarlySignals } from "./early-signals.ts";
import { logProblem } from "./log-problem.ts";
import { Reloads, warningsOf } from "./reloads.ts";
import type { LoadConfig, LoadedConfig } from "./reloads.ts";
import { filesProblem } from "./too-few-files.ts";
import type { Printer } from "./printer.ts";

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
    printer.err(`millrace: ${logProblem(config.logging.output, error)}\n`);
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
  const reloads = new Reloads({ plane, sink, log, manager, printer, output: config.logging.output });
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

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " | ");
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
