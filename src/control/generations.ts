import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/schema.ts";
import type { MetricTotals } from "../observe/metric-totals.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import type { WorkerTable } from "../shared/worker-table.ts";
import { metricLayout } from "../shared/metric-table.ts";
import { EndpointSlots } from "./endpoint-slots.ts";
import { ListenerSlots } from "./listener-slots.ts";
import type { ListenerPlan } from "./listener-slots.ts";
import type { WorkerConfiguration } from "./worker-configuration.ts";

/** A configuration for the workers, and what is to be called once it is in use. */
export interface PreparedConfiguration {
  readonly configuration: WorkerConfiguration;
  /** The listeners that it adds and removes. */
  readonly listeners: Pick<ListenerPlan, "opened" | "closed">;
  /** The endpoints and listeners that it no longer names give up their slots. Without it the preparation has had no effect. */
  readonly commit: () => void;
}

/** Why a configuration cannot be brought into use, in words. */
export interface NoPreparation {
  readonly problem: string;
}

/** Numbers configurations, and gives each slots for its endpoints and listeners and a table for what is counted under it. */
export class Generations {
  private readonly endpoints: EndpointTable;
  private readonly totals: MetricTotals;
  private readonly workers: WorkerTable;
  private readonly slots: EndpointSlots;
  private readonly listenerSlots: ListenerSlots;
  private last: number = 0;
  /** Of the configuration in use. */
  private routes: Pick<WorkerConfiguration, "routes" | "routesSince"> | null = null;

  constructor(endpoints: EndpointTable, totals: MetricTotals, workers: WorkerTable) {
    this.endpoints = endpoints;
    this.totals = totals;
    this.workers = workers;
    this.slots = new EndpointSlots(endpoints.capacity);
    this.listenerSlots = new ListenerSlots(workers.listeners, (slot) => workers.connections(slot) === 0);
  }

  prepare(config: Config): PreparedConfiguration | NoPreparation {
    const generation = ++this.last;
    const plan = this.slots.plan(config, generation, this.totals.oldestGeneration());
    if (plan === null) return { problem: `too many endpoints: all upstreams together may have ${this.endpoints.capacity}` };
    const listeners = this.listenerSlots.plan(config.listeners);
    if (listeners === null) return { problem: this.tooManyListeners(config) };
    for (const slot of plan.fresh) this.endpoints.reset(slot);
    for (const { slot } of listeners.opened) this.workers.resetListener(slot);
    const metricTable = this.totals.install(generation, metricLayout(config));
    const { routes, ...others } = config;
    const routesSince = this.routes !== null && isDeepStrictEqual(routes, this.routes.routes) ? this.routes.routesSince : generation;
    const slots = { endpointSlots: plan.slots, listenerSlots: listeners.slots };
    return {
      configuration: { generation, config: others, routes, routesSince, ...slots, metricTable },
      listeners,
      commit: () => {
        plan.commit();
        listeners.commit();
        this.routes = { routes, routesSince };
      },
    };
  }

  private tooManyListeners({ listeners }: Config): string {
    const most = `there may be ${this.workers.listeners}`;
    return listeners.length > this.workers.listeners
      ? `listeners: too many: ${most}`
      : `listeners: too many: ${most}, with those that were removed and whose connections are still ending`;
  }
}
