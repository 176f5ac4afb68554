/** Reloads the configuration, on SIGHUP: a new configuration is taken into use, or refused as a whole. */
import { messageOf } from "../base/errors.ts";
import type { SecretPlaces } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import { shownFile } from "../config/problems/shown.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { ServiceManager } from "../control/system/service-manager.ts";
import { unusedSockets } from "../control/system/socket-activation.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { LogSink, OpenedOutput } from "../observe/sink.ts";
import { announce } from "./announce.ts";
import { logFor, withLogFormat } from "./current-log.ts";
import type { CurrentLog } from "./current-log.ts";
import { logProblem } from "../observe/log-problem.ts";
import type { Printer } from "./printer.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** Its secrets that were read from elsewhere. Absent: none. */
  readonly secrets?: SecretPlaces;
  /** One line each. */
  readonly warnings: readonly string[];
}

/** Why a reload is refused while the process ends. The control plane says the same of a configuration that it gets then. */
const ENDING = ["not now: draining"];

/** What is wrong with a configuration. */
export interface RefusedConfig {
  /** Errors and warnings in the order of the file, one line each. */
  readonly lines: readonly string[];
  /** Those of `lines` that are warnings. */
  readonly warnings: readonly string[];
}

/** Loads a configuration, or says what is wrong with it. */
export type LoadConfig = () => Promise<LoadedConfig | RefusedConfig>;

export interface ReloadParts {
  readonly plane: ControlPlane;
  readonly sink: LogSink;
  readonly log: CurrentLog;
  readonly manager: ServiceManager;
  readonly printer: Printer;
  /** The configuration in use. */
  readonly config: Config;
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
  /** The configuration in use. */
  private config: Config;
  /** Reloads so far. Each is numbered by it. */
  private asked: number = 0;
  /** The highest number of a reload whose configuration has been loaded. */
  private loaded: number = 0;
  /** The numbers of the reloads that are loading their configuration now. */
  private readonly loading: Set<number> = new Set();
  private isEnding: boolean = false;

  constructor({ plane, sink, log, manager, printer, config }: ReloadParts) {
    this.plane = plane;
    this.sink = sink;
    this.log = log;
    this.manager = manager;
    this.printer = printer;
    this.config = config;
  }

  /**
   * The process is about to end: reloads whose configuration is still being loaded are refused, and so are later ones. Resolves when one that
   * is being taken into use is in use or refused, at the latest after `limitMs`.
   */
  async end(limitMs: number): Promise<void> {
    this.isEnding = true;
    for (const number of this.loading) if (number > this.loaded) this.refuse(ENDING);
    let limit: NodeJS.Timeout | undefined;
    await Promise.race([this.using, new Promise((due) => (limit = setTimeout(due, limitMs)))]);
    clearTimeout(limit);
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
    if (this.isEnding) return this.refuse(ENDING);
    const number = ++this.asked;
    try {
      this.loading.add(number);
      const loaded = await load().finally(() => this.loading.delete(number));
      // The end of the process was faster: `end` has logged the refusal.
      if (this.isEnding) return true;
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
    const { output } = loaded.config.logging;
    let opened: OpenedOutput | null = null;
    try {
      if (output !== this.config.logging.output) opened = sink.open(output);
    } catch (error) {
      return this.refuse([`logging.output: ${logProblem(output, error)}`]);
    }
    const config = withLogFormat(loaded.config, opened ?? sink);
    const outcome = await plane.reload(config, loaded.secrets);
    if (outcome.kind === "refused") {
      if (opened !== null) sink.discard(opened);
      return this.refuse(outcome.lines);
    }
    if (opened !== null) sink.use(opened, movedLine(this.config, output));
    this.config = config;
    log.use(logFor(config, sink));
    for (const line of warningsOf(loaded)) log.warn("config_warning", line);
    announce(outcome.opened, outcome.adminUrl, config, this.printer, sink, log);
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

/** The last line in the log of `before`, which goes on in another output. Empty: its level leaves the line out. */
function movedLine({ logging: { level, format = "json" } }: Config, output: string): string {
  let text = "";
  const log = createAppLog({ level, format, write: (line) => (text = line), now: Date.now });
  log.info("log_moved", `the log goes on in ${shownFile(output)}`);
  return text;
}

/** The warnings of a configuration, and one for each inherited socket that no listener takes. */
export function warningsOf({ config, warnings }: LoadedConfig): readonly string[] {
  const addresses = config.listeners.map(({ address }) => address);
  return [...warnings, ...unusedSockets(addresses, process.env, process.pid)];
}
