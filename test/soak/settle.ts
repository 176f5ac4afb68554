/** Waits until the proxy has nothing left to do. */
import type { Books } from "./books.ts";
import type { ProxyProcess } from "./proxy-process.ts";

const GAUGES = [
  "millrace_connections_open",
  "millrace_exchanges_in_flight",
  "millrace_upstream_connections_open",
  "millrace_tunnels_open",
  "millrace_endpoint_in_flight",
];
/** All limits of the configuration end long before. */
const SETTLE_MS_MAX = 30_000;
const POLL_MS = 200;

export async function settle(proxy: ProxyProcess, books: Books): Promise<void> {
  const deadline = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const metrics = await proxy.metrics();
    const left = GAUGES.filter((name) => metrics.sum(name) !== 0);
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      for (const name of left) books.violation(`${name} is ${metrics.sum(name)} though all is over`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
