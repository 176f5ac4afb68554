/** Reloads the configuration, on SIGHUP: a new configuration is taken into use, or refused as a whole. */
import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/schema.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { ServiceManager } from "../control/service-manager.ts";
import { unusedSockets } from "../control/socket-activation.ts";
import type { LogSink, OpenedOutput } from "../observe/sink.ts";
import { announce } from "./announce.ts";
import type { WrongFile } from "./config-file.ts";
import { logFor } from "./current-log.ts";
import type { CurrentLog } from "./current-log.ts";
import { logProblem } from "./log-problem.ts";
import type { Printer } from "./printer.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** One line each. */
  readonly warnings: readonly string[];
}

/** Loads a configuration, or says what is wrong with it. */
export type LoadConfig = () => Promise<LoadedConfig | WrongFile>;

export interface ReloadParts {
  readonly plane: ControlPlane;
  readonly sink: LogSink;
  readonly log: CurrentLog;
  readonly manager: ServiceManager;
  readonly printer: Printer;
  /** The log output of the configuration in use. */
  readonly output: string;
}

/**
 * The reloads of one process. Several may load at the same time. Configurations are taken into use one after the other, and one that loads
 * more slowly than a later one is dropped.
 */
export class Reloads {
  /** How many reloads were refused. */
  refused: number = 0;
  private readonly plane: ControlPlane;
  private readonly sink: LogSink;
  private readonly log: CurrentLog;
  private readonly manager: ServiceManager;
  private readonly printer: Printer;
  /** Settles when the last configuration is in use or refused. Configurations are taken into use one after the other. */
  private using: Promise<unknown> = Promise.resolve();
  private output: string;
  /** Reloads so far. Each is numbered by it. */
  private asked: number = 0;
  /** The highest number of a reload whose configuration has been loaded. */
  private loaded: number = 0;

  constructor({ plane, sink, log, manager, printer, output }: ReloadParts) {
    this.plane = plane;
    this.sink = sink;
    this.log = log;
    this.manager = manager;
    this.printer = printer;
    this.output = output;
  }

  /** Loads a configuration and takes it into use, or logs why not. Never rejects. */
  async reload(load: LoadConfig): Promise<void> {
    this.manager.reloading();
    const isRefused = await this.tryReload(load);
    if (isRefused) this.refused++;
    this.manager.reloaded(isRefused);
  }

  /** Resolves with whether the configuration was refused. */
  private async tryReload(load: LoadConfig): Promise<boolean> {
    const number = ++this.asked;
    try {
      const loaded = await load();
      // A later reload was faster, because this one had to wait for a module: its configuration is the newer one.
      if (number < this.loaded) return false;
      this.loaded = number;
      if ("lines" in loaded) return this.refuse(loaded.lines, loaded.warnings);
      const used = this.using.then(() => this.use(loaded));
      this.using = used.catch(() => undefined);
      return await used;
    } catch (error) {
      this.log.error("config_refused", `the old configuration stays in use: ${messageOf(error)}`);
      return true;
    }
  }

  /** Resolves with whether the configuration was refused. */
  private async use(loaded: LoadedConfig): Promise<boolean> {
    const { plane, log, sink } = this;
    const { config } = loaded;
    const { output } = config.logging;
    let opened: OpenedOutput | null = null;
    try {
      if (output !== this.output) opened = sink.open(output);
    } catch (error) {
      return this.refuse([`logging.output: ${logProblem(output, error)}`]);
    }
    const outcome = await plane.reload(config);
    if (outcome.kind === "refused") {
      if (opened !== null) sink.discard(opened);
      return this.refuse(outcome.lines);
    }
    if (opened !== null) sink.use(opened);
    this.output = output;
    log.use(logFor(config, sink));
    for (const line of warningsOf(loaded)) log.warn("config_warning", line);
    announce(outcome.opened, outcome.adminUrl, config, this.printer, sink);
    for (const address of outcome.closed) {
      const message = `no longer listening on ${address}: what its connections carry has ${config.shutdown.timeout} ms to end`;
      log.info("listener_closed", message, { address });
    }
    if (outcome.adminClosed !== null)
      log.info("listener_closed", `admin no longer on ${outcome.adminClosed}`, { url: outcome.adminClosed });
    log.info("config_reloaded", "the new configuration is in use");
    return false;
  }

  /** @param warnings those of the lines that refuse nothing by themselves */
  private refuse(lines: readonly string[], warnings: readonly string[] = []): true {
    const harmless = new Set(warnings);
    let problems = 0;
    for (const line of lines) {
      if (harmless.has(line)) this.log.warn("config_warning", line);
      else {
        problems++;
        this.log.error("config_refused", line);
      }
    }
    this.log.error("config_refused", "the old configuration stays in use", { problems });
    return true;
  }
}

/** The warnings of a configuration, and one for each inherited socket that no listener takes. */
export function warningsOf({ config, warnings }: LoadedConfig): readonly string[] {
  const addresses = config.listeners.map(({ address }) => address);
  return [...warnings, ...unusedSockets(addresses, process.env, process.pid)];
}
