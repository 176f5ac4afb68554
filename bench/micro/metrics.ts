/** Operations: counting one exchange in the metrics. */
import { CounterId, MetricTable, WorkerMetrics, metricLayout } from "../../src/shared/metric-table.ts";
import type { Operation, Run } from "./operation.ts";

export const metrics: readonly Operation[] = [{ name: "metrics/exchange", about: "the counters of one exchange", prepare: exchanges }];

function exchanges(): Run {
  const endpoints = [{ url: "http://10.0.0.1:8080" }, { url: "http://10.0.0.2:8080" }];
  const layout = metricLayout({ routes: [{ name: "catalogue", upstream: "shop" }], upstreams: { shop: { endpoints } } });
  const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 1));
  const worker = new WorkerMetrics(layout, buffer, 0);
  const table = new MetricTable(layout, buffer, 1);
  return (count) => {
    for (let n = 0; n < count; n++) {
      worker.add(CounterId.exchanges_in_flight, 1);
      worker.add(CounterId.upstream_connections_reused, 1);
      worker.add(CounterId.exchanges_in_flight, -1);
      worker.exchangeFinished(0, n & 1, 200, 0.25 + (n & 255) * 0.013, 893, 441);
    }
    return table.counter(CounterId.upstream_connections_reused);
  };
}
