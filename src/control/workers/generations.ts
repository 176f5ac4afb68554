/**
 * Prepares configurations for the workers. Each configuration gets a number (its generation), slots in shared memory for its endpoints
 * and listeners, and a table for its metrics.
 */
import { isDeepStrictEqual } from "node:util";
import { readsFiles } from "../../config/feature-files.ts";
import { hasMiddleware } from "../../config/schema/middleware-entries.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { MetricTotals } from "../../observe/metric-totals.ts";
import type { EndpointTable } from "../../shared/endpoint-table.ts";
import { LISTENER_SLOTS } from "../../shared/worker-table.ts";
import type { WorkerTable } from "../../shared/worker-table.ts";
import { metricLayout } from "../../shared/metric-table.ts";
import { EndpointSlots } from "./endpoint-slots.ts";
import { ListenerSlots } from "../listening/listener-slots.ts";
import type { ListenerPlan } from "../listening/listener-slots.ts";
import type { ChangedRoute } from "../../config/placed-secrets.ts";
import type { Renewal, WorkerConfiguration } from "./worker-configuration.ts";

/** A configuration that is ready for the workers, but not in use yet. */
export interface PreparedConfiguration {
  readonly configuration: WorkerConfiguration;
  /** The listeners that this configuration adds and removes. */
  readonly listeners: Pick<ListenerPlan, "opened" | "closed">;
  /** Call when the configuration is in use: removed endpoints and listeners give up their slots. Without it, slots stay as they were. */
  readonly commit: () => void;
}

/** Why a configuration cannot be brought into use, in words. */
export interface NoPreparation {
  readonly problem: string;
}

export class Generations {
  private readonly endpoints: EndpointTable;
  private readonly totals: MetricTotals;
  private readonly workers: WorkerTable;
  private readonly slots: EndpointSlots;
  private readonly listenerSlots: ListenerSlots;
  private last: number = 0;
  /** The routes of the configuration in use. */
  private routes: (Pick<WorkerConfiguration, "generation" | "routes" | "routesSince"> & { readonly haveMiddleware: boolean }) | null = null;

  constructor(endpoints: EndpointTable, totals: MetricTotals, workers: WorkerTable) {
    this.endpoints = endpoints;
    this.totals = totals;
    this.workers = workers;
    this.slots = new EndpointSlots(endpoints.capacity);
    this.listenerSlots = new ListenerSlots(listenersMax(workers), (slot) => workers.connections(slot) === 0);
  }

  /**
   * A problem means that there are too many endpoints or listeners; nothing has changed then.
   * @param renewed the routes in which secrets differ, where nothing else differs from the configuration in use
   */
  prepare(config: Config, renewed?: readonly ChangedRoute[]): PreparedConfiguration | NoPreparation {
    const generation = ++this.last;
    const plan = this.slots.plan(config, generation, this.totals.oldestGeneration());
    if (plan === null) return { problem: `too many endpoints: all upstreams together may have ${this.endpoints.capacity}` };
    const listeners = this.listenerSlots.plan(config.listeners);
    if (listeners === null) return { problem: this.tooManyListeners(config) };
    for (const slot of plan.fresh) this.endpoints.reset(slot);
    for (const { slot } of listeners.opened) this.workers.resetListener(slot);
    const metricTable = this.totals.install(generation, metricLayout(config));
    const { routes, ...others } = config;
    // Middleware is set up anew for each configuration, so routes with middleware are compiled anew.
    // Files are read again with each configuration.
    const areRead = [config, ...Object.values(config.upstreams), ...routes].some(readsFiles);
    const known = this.routes === null || this.routes.haveMiddleware || hasMiddleware(config) || areRead ? null : this.routes;
    const routesSince = known !== null && isDeepStrictEqual(routes, known.routes) ? known.routesSince : generation;
    const renewal = renewed === undefined || this.routes === null ? null : renewalOf(this.routes.generation, routes, renewed);
    const slots = { endpointSlots: plan.slots, listenerSlots: listeners.slots };
    return {
      configuration: { generation, config: others, routes, routesSince, ...(renewal !== null && { renewal }), ...slots, metricTable },
      listeners,
      commit: () => {
        plan.commit();
        listeners.commit();
        this.routes = { generation, routes, routesSince, haveMiddleware: hasMiddleware(config) };
      },
    };
  }

  private tooManyListeners({ listeners }: Config): string {
    const capacity = listenersMax(this.workers);
    const limit = `listeners: too many: there may be ${capacity}`;
    if (listeners.length > capacity) return limit;
    const needed = this.listenerSlots.needed(listeners);
    return needed > capacity
      ? `${limit}, and during this reload there would be ${needed}, those that it removes included: remove them with one reload and add the new ones with the next`
      : `${limit}, with those that were removed and whose connections are still ending`;
  }
}

function renewalOf(generation: number, routes: Config["routes"], renewed: readonly ChangedRoute[]): Renewal {
  return {
    generation,
    routes: renewed.flatMap(({ position, keys }) => {
      const route = routes[position];
      return route === undefined ? [] : [{ position, keys, route }];
    }),
  };
}

/** The table may have more slots, which are not for listeners. */
function listenersMax({ listeners }: WorkerTable): number {
  return Math.min(listeners, LISTENER_SLOTS);
}
