import type { Config } from "../config/schema/schema.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import { Upstreams } from "../proxy/upstream/upstreams.ts";
import { MetricTable, metricLayout } from "../shared/metric-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { unreadFiles } from "../shared/upstream-tls.ts";

/** A compiled configuration with tables of its own: for the warm-up, `explain` and tests. The slots of its endpoints count from 0. */
export function loneSnapshot(config: Config, context: SnapshotContext): Snapshot {
  let endpoints = 0;
  const slots = Object.entries(config.upstreams).map(([name, upstream]) => [name, upstream.endpoints.map(() => endpoints++)] as const);
  const message: ConfigureMessage = {
    type: "configure",
    generation: 1,
    config,
    routes: config.routes,
    endpointSlots: Object.fromEntries(slots),
    listenerSlots: [0],
    metricTable: new SharedArrayBuffer(MetricTable.bytes(metricLayout(config), 1)),
  };
  const upstreams = new Upstreams(0);
  // Whoever has a lone snapshot connects to no endpoint that has TLS.
  upstreams.useFiles(unreadFiles(config.upstreams));
  const plan = upstreams.plan(config.upstreams, message.endpointSlots);
  plan.apply();
  return new Snapshot(message, plan.groups, context);
}
