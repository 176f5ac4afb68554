import type { Config } from "../config/schema.ts";
import type { MetricTotals } from "../observe/metric-totals.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import { metricLayout } from "../shared/metric-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { EndpointSlots } from "./endpoint-slots.ts";

/** A configuration as the data plane is told it, and what is to be called once it is in use. */
export interface PreparedConfiguration {
  readonly message: ConfigureMessage;
  /** The endpoints that it no longer names give up their slots. Without it the preparation has had no effect. */
  readonly commit: () => void;
}

/** Numbers configurations, and gives each slots for its endpoints and a table for what is counted under it. */
export class Generations {
  private readonly endpoints: EndpointTable;
  private readonly totals: MetricTotals;
  private readonly slots: EndpointSlots;
  private last: number = 0;

  constructor(endpoints: EndpointTable, totals: MetricTotals) {
    this.endpoints = endpoints;
    this.totals = totals;
    this.slots = new EndpointSlots(endpoints.capacity);
  }

  /** Null: it has more endpoints than there are slots. */
  prepare(config: Config): PreparedConfiguration | null {
    const generation = ++this.last;
    const plan = this.slots.plan(config, generation, this.totals.oldestGeneration());
    if (plan === null) return null;
    for (const slot of plan.fresh) this.endpoints.reset(slot);
    const metricTable = this.totals.install(generation, metricLayout(config));
    return {
      message: { type: "configure", generation, config, endpointSlots: plan.slots, metricTable },
      commit: () => plan.commit(),
    };
  }
}
