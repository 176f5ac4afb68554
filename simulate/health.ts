import { HealthMonitor } from "../src/control/health/health.ts";
import type { SlotsByUpstream } from "../src/control/workers/endpoint-slots.ts";
import type { Config } from "../src/config/schema/schema.ts";
import type { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import { createAppLog } from "../src/observe/app-log.ts";
import type { EndpointTable } from "../src/shared/endpoint-table.ts";
import { upstreamTls } from "../src/shared/upstream-tls.ts";
import { probeOver } from "../src/testing/probe.ts";

/** The control plane's health checks, run in memory and in virtual time. */
export class Probes {
  /** How many probes are under way. */
  pending: number = 0;
  private readonly monitor: HealthMonitor;

  constructor(network: MemoryNetwork, table: EndpointTable) {
    const { clock, platform } = network;
    const probe = probeOver(network);
    this.monitor = new HealthMonitor({
      table,
      log: createAppLog({ level: "error", format: "json", write: () => {}, now: () => clock.nowMs }),
      now: () => clock.nowMs,
      random: () => platform.random(),
      after: (ms, then) => clock.after(ms, then),
      tls: (config) => upstreamTls(config, new Map()),
      probe: (target, signal) => {
        this.pending++;
        return probe(target, signal).finally(() => void this.pending--);
      },
    });
  }

  /** Puts a configuration's health checks into use. */
  apply(config: Config, slots: SlotsByUpstream): void {
    this.monitor.apply(config, slots);
  }

  stop(): void {
    this.monitor.stop();
  }
}
