/**
 * The control plane of one process, on the main thread. It owns the shared tables, the workers, the probes and the admin address, and
 * takes them through start, reload and stop. It reads neither configuration files nor signals: cli/ does, and calls it.
 */
import { messageOf } from "../base/errors.ts";
import { endpointNames } from "../config/addresses/endpoint-names.ts";
import type { SecretPlaces } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import type { StatusDocument } from "../observe/status.ts";
import { afterMs } from "./after-ms.ts";
import { openedOf } from "./listeners.ts";
import type { CheckedListeners } from "./listeners.ts";
import type { OpenOutcome, ReloadOutcome, StartOutcome } from "./outcomes.ts";
import { PlaneParts } from "./plane-parts.ts";
import type { ControlPlaneOptions } from "./plane-parts.ts";
import type { PlaneState } from "./plane-readings.ts";
import { Reconfiguration } from "./reconfiguration.ts";
import { FollowedSecrets } from "./secrets/followed-secrets.ts";
import { waitUntilHealthy } from "./startup.ts";
import type { StartProblem } from "./workers/seat-listeners.ts";
import type { WorkerConfiguration } from "./workers/worker-configuration.ts";

export class ControlPlane {
  private readonly options: ControlPlaneOptions;
  private readonly state: PlaneState;
  private readonly parts: PlaneParts;
  private readonly reconfiguration: Reconfiguration;
  private readonly secrets: FollowedSecrets;
  /** The addresses that {@link start} has checked, until {@link open} opens them. */
  private checked: CheckedListeners | null = null;
  /** The newest change: an opening or a reload. They run one after the other, so each waits for the one before. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.state = { config: options.config, current: null, phase: "starting" };
    this.parts = new PlaneParts(options, this.state);
    this.reconfiguration = new Reconfiguration(this.parts, this.state, options.log);
    this.secrets = new FollowedSecrets({
      log: options.log,
      after: afterMs,
      commands: options.commands,
      config: () => this.state.config,
      inTurn: (change) => this.inTurn(change),
      bringIntoUse: (config, routes) => this.reconfiguration.reload(config, routes),
    });
  }

  /**
   * Gives the workers the configuration, begins to probe, and waits for healthy endpoints if the configuration says so. No listener is open
   * then: {@link open} follows. After any other outcome than `started`, call {@link stop}.
   * @param stop aborted: the start is given up, with the outcome `stopped`
   * @param checksListeners whether to look at once if the listeners' addresses are free, and to keep them for `open`
   */
  async start(stop: AbortSignal, { checksListeners }: { readonly checksListeners: boolean }): Promise<StartOutcome> {
    const read = this.secrets.prepare(this.state.config, this.options.secrets ?? []);
    if ("problems" in read) return { kind: "failed", lines: read.problems };
    const { config } = read;
    this.state.config = config;
    const { generations, needs, names, supervisor, listeners } = this.parts;
    const prepared = generations.prepare(config);
    if ("problem" in prepared) return { kind: "failed", lines: [prepared.problem] };
    const { listenerSlots } = prepared.configuration;
    const problems = await needs.prepare(config, listenerSlots);
    if (problems.length > 0) return { kind: "failed", lines: problems };
    if (stop.aborted) return { kind: "stopped" };
    prepared.commit();
    this.state.current = prepared.configuration;
    names.use(endpointNames(config));
    needs.keep(config, listenerSlots);
    this.secrets.settle(true);
    // The worker threads take longest, so they start first; the addresses are checked meanwhile.
    const started = supervisor.start(prepared.configuration);
    this.options.threads.endUnused();
    if (checksListeners) {
      const checked = await listeners.check(prepared.listeners.opened, []);
      if ("problem" in checked) return { kind: "failed", lines: [checked.problem] };
      this.checked = checked;
    }
    return this.startWith(prepared.configuration, started, stop);
  }

  /** Opens all listeners. After `failed` none of them is open, and it may be tried again, or {@link stop} called. */
  open(stop: AbortSignal): Promise<OpenOutcome> {
    return this.inTurn(() => this.openNow(stop));
  }

  /**
   * Brings a new configuration into use, or refuses it and leaves everything as it was.
   * @param secrets those of it that were read from elsewhere
   */
  reload(config: Config, secrets: SecretPlaces = []): Promise<ReloadOutcome> {
    return this.inTurn(() => this.secrets.reload(config, secrets));
  }

  /** The configuration in use, with the secrets of now. */
  get configInUse(): Config {
    return this.state.config;
  }

  /** The key set of a key server of the configuration in use; null: it has not answered yet. */
  keySet(url: string): string | null {
    return this.parts.needs.keyServers.keySet(url);
  }

  /**
   * Ends the process's work: serves normally for `shutdown.delay`, then takes nothing new and gives exchanges in flight
   * `shutdown.timeout` to end. Resolves with the number of exchanges that were cut.
   */
  async drain(): Promise<number> {
    const { log } = this.options;
    this.state.phase = "draining";
    const { delay: delayMs, timeout: timeoutMs } = this.state.config.shutdown;
    if (delayMs > 0) {
      log.info("shutdown_delayed", "/readyz answers 503; connections are still accepted", { delay_ms: delayMs });
      await new Promise((over) => setTimeout(over, delayMs));
    }
    log.info("draining", "no new connections; finishing what is in flight", { limit_ms: timeoutMs });
    const cut = await this.parts.supervisor.drain(timeoutMs);
    log.info("drained", cut === 0 ? "all exchanges have ended" : "what had not ended in time was cut", { cut });
    await this.stop();
    return cut;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    const { monitor, refusingEndpoints, names, needs, supervisor, admin } = this.parts;
    this.state.phase = "draining";
    monitor.stop();
    refusingEndpoints.stop();
    names.stop();
    this.secrets.stop();
    const needsStopped = needs.stop();
    await this.checked?.release();
    await Promise.all([supervisor.close(), needsStopped, admin.stop()]);
  }

  /** For tests: kills one worker as a fault would. It is then replaced. */
  terminateWorker(index: number): Promise<void> {
    return this.parts.supervisor.terminateWorker(index);
  }

  /** The worker's heartbeat: a number that changes as long as its event loop runs. */
  beats(worker: number): number {
    return this.parts.workerTable.beats(worker);
  }

  /** Which part of the data plane makes no progress, in words. Null: all of it does, or the process is ending. */
  get standstill(): string | null {
    return this.parts.supervisor.standstill;
  }

  /** URL of the admin address; null when there is none. */
  get adminUrl(): string | null {
    return this.parts.admin.url;
  }

  status(): StatusDocument {
    return this.parts.readings.status();
  }

  metrics(): string {
    return this.parts.readings.metrics();
  }

  /** Reasons why the process should get no traffic now, for `/readyz`. Empty: it is ready. */
  notReady(): readonly string[] {
    return this.parts.readings.notReady();
  }

  private async startWith(
    { endpointSlots }: WorkerConfiguration,
    started: Promise<StartProblem | null>,
    stop: AbortSignal,
  ): Promise<StartOutcome> {
    const { config } = this.state;
    try {
      (await this.parts.admin.change(config.admin)).commit();
    } catch (error) {
      return { kind: "failed", lines: [messageOf(error)] };
    }
    this.parts.monitor.apply(config, endpointSlots);
    this.parts.refusingEndpoints.apply(config, endpointSlots);
    const notStarted = await started;
    if (notStarted !== null) return { kind: "failed", lines: [notStarted.message] };
    if (config.startup.require_healthy) {
      this.options.log.info("startup_waiting", "waiting for healthy endpoints", { limit_ms: config.startup.wait });
      const { endpoints: table, monitor, tls, probe } = this.parts;
      const outcome = await waitUntilHealthy(config, endpointSlots, { table, monitor, tls, probe }, stop);
      if (outcome.kind !== "ready") return outcome;
    }
    if (stop.aborted) return { kind: "stopped" };
    this.state.phase = "started";
    return { kind: "started" };
  }

  private async openNow(stop: AbortSignal): Promise<OpenOutcome> {
    const { listeners, needs } = this.parts;
    if (this.state.phase !== "started") return { kind: "stopped" };
    const slots = this.state.current?.listenerSlots ?? [];
    const all = this.state.config.listeners.map((settings, position) => ({
      slot: slots[position] ?? 0,
      address: settings.address,
      position,
      settings,
    }));
    const checked = this.checked ?? (await listeners.check(all, []));
    this.checked = null;
    if ("problem" in checked) return { kind: "failed", lines: [checked.problem] };
    try {
      if (this.isEnding(stop)) return { kind: "stopped" };
      const failed = await listeners.open(checked.listeners, all);
      if (failed !== null) return { kind: "failed", lines: [failed.problem] };
      if (this.isEnding(stop)) return { kind: "stopped" };
      this.state.phase = "serving";
      needs.acme.listening();
      listeners.logServedByOneWorker(checked.listeners);
      return { kind: "open", listeners: checked.listeners.map(openedOf), adminUrl: this.adminUrl };
    } finally {
      await checked.release();
    }
  }

  private isEnding(stop: AbortSignal): boolean {
    return stop.aborted || this.state.phase === "draining";
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.changing.then(change);
    this.changing = turn.catch(() => undefined);
    return turn;
  }
}
