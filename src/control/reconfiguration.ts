/**
 * Brings a new configuration into use while the process serves, or refuses it and leaves everything as it was. The order makes a refusal harmless: what may
 * fail comes before the workers switch over.
 */
import { availableParallelism } from "node:os";
import { messageOf } from "../base/errors.ts";
import { endpointNames } from "../config/addresses/endpoint-names.ts";
import type { ChangedRoute } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import type { AdminChange } from "./admin/admin-address.ts";
import { openedOf } from "./listeners.ts";
import type { ListenProblem } from "./listeners.ts";
import { withHolder } from "./listening/held-address.ts";
import type { ReloadOutcome } from "./outcomes.ts";
import type { PlaneParts } from "./plane-parts.ts";
import type { PlaneState } from "./plane-readings.ts";
import { restartNeeded } from "./restart-needed.ts";
import type { PreparedConfiguration } from "./workers/generations.ts";
import type { WorkerConfiguration } from "./workers/worker-configuration.ts";

type AdminMove = Pick<Extract<ReloadOutcome, { kind: "reloaded" }>, "adminUrl" | "adminClosed">;

export class Reconfiguration {
  private readonly parts: PlaneParts;
  private readonly state: PlaneState;
  private readonly log: Pick<AppLog, "error">;

  constructor(parts: PlaneParts, state: PlaneState, log: Pick<AppLog, "error">) {
    this.parts = parts;
    this.state = state;
    this.log = log;
  }

  /**
   * Not to be called while another change is under way.
   * @param renewed the routes in which secrets have changed, where nothing else has
   */
  async reload(config: Config, renewed?: readonly ChangedRoute[]): Promise<ReloadOutcome> {
    const { workers, seats, generations, needs, totals } = this.parts;
    const notServing = this.whyNotServing();
    if (notServing !== null) return refused(...notServing);
    const unchangeable = restartNeeded(this.state.config, config, workers, availableParallelism());
    if (unchangeable.length > 0) return refused(...unchangeable);
    const prepared = generations.prepare(config, renewed);
    if ("problem" in prepared) return refused(prepared.problem);
    // Workers get the lists, and what TLS needs, before the configuration that names them.
    const problems = await needs.prepare(config, prepared.configuration.listenerSlots);
    const outcome = problems.length > 0 ? refused(...problems) : await this.reloadPrepared(config, prepared);
    needs.keep(this.state.config, this.state.current?.listenerSlots ?? []);
    if (outcome.kind === "reloaded") return outcome;
    for (let worker = 0; worker < seats; worker++) totals.released(prepared.configuration.generation, worker);
    return outcome;
  }

  /** The order makes a refusal harmless: open what is new (this can fail), then switch the workers over, then close what is gone. */
  private async reloadPrepared(config: Config, prepared: PreparedConfiguration): Promise<ReloadOutcome> {
    const { opened, closed } = prepared.listeners;
    const { listeners } = this.parts;
    if (this.state.phase === "started") return this.reloadUnopened(config, prepared);
    const checked = await listeners.check(opened, closed);
    if ("problem" in checked) return this.refusedListener(checked, config);
    try {
      const failed = await listeners.open(checked.listeners, opened);
      if (failed !== null) return this.refusedListener(failed, config);
    } finally {
      await checked.release();
    }
    const changed = await this.switchOver(config, prepared);
    if ("lines" in changed) {
      await listeners.close(opened, 0);
      return refused(...changed.lines);
    }
    listeners.logServedByOneWorker(checked.listeners);
    await listeners.close(closed, config.shutdown.timeout);
    const addresses = closed.map(({ address }) => address);
    return { kind: "reloaded", opened: checked.listeners.map(openedOf), closed: addresses, ...changed };
  }

  /** A reload before the listeners are opened. */
  private async reloadUnopened(config: Config, prepared: PreparedConfiguration): Promise<ReloadOutcome> {
    const changed = await this.switchOver(config, prepared);
    if ("lines" in changed) return refused(...changed.lines);
    // The workers forget the listeners that they know by their configuration only.
    await this.parts.listeners.close(prepared.listeners.closed, 0);
    return { kind: "reloaded", opened: [], closed: [], ...changed };
  }

  /** Moves the admin address and the workers to the new configuration. Old and new listeners are all open at this time. */
  private async switchOver(
    config: Config,
    { configuration, commit }: PreparedConfiguration,
  ): Promise<AdminMove | { readonly lines: readonly string[] }> {
    let admin: AdminChange;
    try {
      admin = await this.parts.admin.change(config.admin);
    } catch (error) {
      return { lines: [withHolder(messageOf(error), config.admin?.address ?? "", this.state.config)] };
    }
    const unused = await this.configureWorkers(config, configuration);
    // A drain ends the workers in the middle of it: then the drain is the reason.
    const problems = this.whyNotServing() ?? unused;
    if (problems !== null) {
      await admin.abandon();
      return { lines: problems };
    }
    commit();
    this.state.config = config;
    this.state.current = configuration;
    this.parts.monitor.apply(config, configuration.endpointSlots);
    this.parts.refusingEndpoints.apply(config, configuration.endpointSlots);
    return admin.commit();
  }

  private refusedListener({ problem, position }: ListenProblem, { listeners }: Config): ReloadOutcome {
    if (position === null) return refused(problem);
    return refused(`listeners.#${position + 1}.address: ${withHolder(problem, listeners[position]?.address ?? "", this.state.config)}`);
  }

  /** A reason to refuse a reload, or null. A reload during a drain would start again what the drain stopped. */
  private whyNotServing(): readonly string[] | null {
    return this.state.phase === "serving" || this.state.phase === "started" ? null : [`not now: ${this.state.phase}`];
  }

  /** Null: the workers use the new configuration. Otherwise they keep the old one, and the lines say why. */
  private async configureWorkers(config: Config, configuration: WorkerConfiguration): Promise<readonly string[] | null> {
    const { names, supervisor, totals } = this.parts;
    const [before, after] = [endpointNames(this.state.config), endpointNames(config)];
    // Until the last worker has switched over, the names of both configurations are in use.
    names.use(new Set([...before, ...after]));
    const refusals = await supervisor.reload(configuration);
    for (const { worker, problem, hasEnded } of refusals) {
      if (hasEnded) continue;
      this.log.error("worker_refused_config", problem, { worker, generation: configuration.generation });
      totals.released(configuration.generation, worker);
    }
    const isUsed = supervisor.generation === configuration.generation;
    names.use(isUsed ? after : before);
    // All workers run the same program and have set up the middleware, so they normally all accept. Only lack of memory can make them differ.
    return isUsed ? null : [...new Set(refusals.map(({ problem }) => problem))];
  }
}

function refused(...lines: readonly string[]): ReloadOutcome {
  return { kind: "refused", lines };
}
