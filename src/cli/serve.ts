/** Runs the whole proxy for `run` and `demo`: log output, control plane, signals, exit code. */
import os from "node:os";
import { stackOf } from "../base/errors.ts";
import { ControlPlane } from "../control/control-plane.ts";
import { ServiceManager } from "../control/system/service-manager.ts";
import type { SecretCommands } from "../control/secrets/secret-commands.ts";
import type { WorkerThreads } from "../control/workers/worker-threads.ts";
import type { AppLog } from "../observe/app-log.ts";
import { leadsTo } from "../observe/log-files.ts";
import { paintLines } from "../observe/paint-lines.ts";
import { LogSink } from "../observe/sink.ts";
import type { SinkTrouble } from "../observe/sink.ts";
import { monotonicMs } from "../net/system-clock.ts";
import { announce } from "./announce.ts";
import { wantsColours } from "./colours.ts";
import { CurrentLog, logFor, withLogFormat } from "./current-log.ts";
import type { EarlySignals } from "./early-signals.ts";
import type { FileWatch } from "./file-watch.ts";
import { logProblem } from "../observe/log-problem.ts";
import { Reloads, warningsOf } from "./reloads.ts";
import type { LoadConfig, LoadedConfig } from "./reloads.ts";
import { filesProblem } from "../control/system/too-few-files.ts";
import type { Printer } from "./printer.ts";

export interface ServeOptions extends LoadedConfig {
  readonly version: string;
  readonly threads: WorkerThreads;
  /** The programs that print secrets. Absent: no configuration names any. */
  readonly commands?: SecretCommands;
  /** Descriptors of the sockets that were handed over to the process; null when that is not known. */
  readonly inherited: ReadonlySet<number> | null;
  readonly printer: Printer;
  /** Loads the configuration again on SIGHUP. Without it SIGHUP does nothing. */
  readonly reload?: LoadConfig;
  /** Tells when to load the configuration again, besides on SIGHUP. */
  readonly watch?: FileWatch;
  /** The signals that came before; `serve` takes over from it. */
  readonly earlySignals?: EarlySignals;
  /** Called when all listeners accept connections. */
  readonly onStarted?: () => void;
}

/** Time limit for writing the last log lines. */
const LOG_FLUSH_MS = 1000;

/** Time limit for a reload that the end of the process overtakes. Looking up a listener's name can take longer than the drain. */
const LAST_RELOAD_MS = 1000;

/** Serves until a signal comes. Resolves with the exit code: 0 after a drain, 2 when it could not start. */
export async function serve(given: ServeOptions): Promise<number> {
  const { printer } = given;
  const { output } = given.config.logging;
  let sink: LogSink;
  try {
    // A log has colours on terminals alone, even where they are wanted everywhere.
    sink = new LogSink({ output, now: monotonicMs, ...(wantsColours(process.env, true) && { paint: paintLines }) });
  } catch (error) {
    printer.err(`millrace: ${logProblem(output, error)}\n`);
    return 2;
  }
  const config = withLogFormat(given.config, sink);
  const options = { ...given, config };
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
    secrets: options.secrets ?? [],
    ...(options.commands !== undefined && { commands: options.commands }),
    log,
    version,
    threads: options.threads,
    inherited: options.inherited,
    takeLines: (data, lines, taken) => sink.write(data, lines, taken),
    logDroppedLines: () => sink.dropped,
    refusedReloads: () => reloads.refused,
    environment: process.env,
    startedAtMs: Date.now() - Math.round(process.uptime() * 1000),
    now: Date.now,
    monotonic: monotonicMs,
  });
  const reloads = new Reloads({ plane, sink, log, manager, printer, config });
  const started = await plane.start(signals.stop, { checksListeners: true });
  const outcome = started.kind === "started" ? await plane.open(signals.stop) : started;
  if (outcome.kind !== "open") {
    await plane.stop();
    if (outcome.kind === "stopped") {
      log.info("stopped", "millrace ends before it has started");
      return 0;
    }
    const lines = outcome.lines.map((line) => filesProblem(line) ?? oneLine(line));
    for (const line of new Set(lines)) reportEnd("start_failed", line, sink, log, printer);
    return 2;
  }
  announce(outcome.listeners, outcome.adminUrl, config, printer, sink, log);
  log.info("started", "all listeners accept connections", { startup_ms: Math.round(process.uptime() * 1000) });
  manager.ready(() => plane.standstill);
  if (options.onStarted !== undefined) {
    // What `onStarted` prints is to come after the log lines.
    await sink.flush(LOG_FLUSH_MS);
    options.onStarted();
  }
  const load = options.reload;
  if (load !== undefined) {
    signals.onHangup(() => void reloads.reload(load));
    options.watch?.start(() => void reloads.reload(load));
  }
  await signals.stopped;
  options.watch?.close();
  const reloaded = reloads.end(LAST_RELOAD_MS);
  await plane.drain();
  await reloaded;
  log.info("stopped", "millrace ends");
  return 0;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " | ");
}

/**
 * Says why the process ends: on stderr, where the person who started it reads, and in a log file, for whoever reads only that. A log on stdout
 * or stderr is left out, because a terminal or a collector of logs would show the line twice.
 */
function reportEnd(event: "start_failed" | "internal_error", line: string, sink: LogSink, log: AppLog, printer: Printer): void {
  printer.err(`millrace: ${line}\n`);
  const output = sink.destination;
  if (output !== "stdout" && output !== "stderr" && !leadsTo(output, 2) && !leadsTo(output, 1)) log.error(event, line);
}

function reportTrouble(trouble: SinkTrouble, log: AppLog, printer: Printer): void {
  if (trouble.event === "log_lines_dropped") log.warn(trouble.event, trouble.message, { lines: trouble.lines });
  else
    printer.err(
      `millrace: ${trouble.message}; ${trouble.lines > 0 ? `${trouble.lines} lines dropped` : "lines wait, or are dropped and counted"}\n`,
    );
}

/** Handles signals and uncaught errors of the process. */
class Signals {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Resolves when `stop` is aborted. */
  readonly stopped: Promise<void>;
  /** Whether a SIGHUP came before `onHangup`. */
  private hungUp: boolean = false;
  private hangup: (() => void) | null = null;
  private readonly handlers: ReadonlyMap<string, (argument: unknown) => void>;

  /** @param early held signals until now, and is released */
  constructor(sink: LogSink, log: AppLog, printer: Printer, early: EarlySignals | undefined) {
    const abort = new AbortController();
    this.stop = abort.signal;
    this.stopped = new Promise((resolve) => this.stop.addEventListener("abort", () => resolve(), { once: true }));
    const end = (signal: "SIGTERM" | "SIGINT") => (): void => {
      if (!abort.signal.aborted) return abort.abort();
      sink.flushSync();
      printer.flushSync();
      // The code by which shells report death by a signal. 0 would be wrong, because exchanges are cut; 1 and 2 have other meanings.
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
      reportEnd("internal_error", filesProblem(error) ?? `internal error: ${oneLine(stackOf(error))}`, sink, log, printer);
      sink.flushSync();
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
    // Only now, because a signal without a listener is lost, even one that has arrived and was not delivered yet.
    if (early?.release() === true) this.hungUp = true;
  }

  /** Sets what to do on SIGHUP, and does it at once if one came before. */
  onHangup(hangup: () => void): void {
    this.hangup = hangup;
    if (this.hungUp) hangup();
  }

  /** Removes all handlers. */
  release(): void {
    for (const [event, handler] of this.handlers) process.off(event, handler);
  }
}
