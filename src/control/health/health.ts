/**
 * Active health checks: probes every endpoint whose upstream has a health check, and writes the resulting health into the endpoint
 * table in shared memory, where the workers read it. Each endpoint has its own timer, and its probes never overlap. An endpoint that
 * a reload keeps also keeps its health.
 */
import type { Config } from "../../config/schema/schema.ts";
import { nextHealth, UNKNOWN_HEALTH } from "../../policy/health/next-health.ts";
import type { HealthState } from "../../policy/health/next-health.ts";
import { firstProbeInMs, nextProbeAtMs, unprovenIntervalMs } from "../../policy/health/schedule.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import type { EndpointTable } from "../../shared/endpoint-table.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SlotsByUpstream } from "../workers/endpoint-slots.ts";
import type { Probe, ProbeTarget } from "./probe.ts";
import type { ProbeResult } from "./probe-answer.ts";

export interface HealthMonitorOptions {
  readonly table: EndpointTable;
  readonly log: AppLog;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** At least 0 and below 1. */
  readonly random: () => number;
  /** Calls `then` after `ms` milliseconds. The returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** How connections to endpoints with these settings are secured. */
  readonly tls: TlsFor;
  readonly probe: Probe;
}

export type TlsFor = (config: Config["upstreams"][string]["tls"]) => UpstreamTls;

type Upstream = Config["upstreams"][string];
type HealthCheck = NonNullable<Upstream["health_check"]>;

/** The probing of one endpoint. */
class Watch {
  readonly slot: number;
  readonly upstream: string;
  readonly url: string;
  /** Everything that a probe depends on, as text. A reload that does not change this text keeps the watch running. */
  readonly settings: string;
  readonly check: HealthCheck;
  readonly target: ProbeTarget;
  state: HealthState;
  /** Why the newest probe failed. Null: it passed, or there was none. */
  reason: string | null = null;
  firstStartMs: number | null = null;
  previousStartMs: number = 0;
  /** Cancels the next probe. Null: none is scheduled. */
  cancelTimer: (() => void) | null = null;
  /** Aborts the probe under way. Null: none is. */
  abort: AbortController | null = null;

  constructor(slot: number, upstream: string, url: string, settings: string, check: HealthCheck, target: ProbeTarget, state: HealthState) {
    this.slot = slot;
    this.upstream = upstream;
    this.url = url;
    this.settings = settings;
    this.check = check;
    this.target = target;
    this.state = state;
  }
}

export class HealthMonitor {
  /** Called after every change of an endpoint's health. */
  onChange: (() => void) | null = null;
  private readonly options: HealthMonitorOptions;
  private watches: Map<number, Watch> = new Map();

  constructor(options: HealthMonitorOptions) {
    this.options = options;
  }

  /** From now on probes the endpoints of this configuration, and no others. */
  apply(config: Config, slots: SlotsByUpstream): void {
    const before = this.watches;
    const fresh: Watch[] = [];
    this.watches = new Map();
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      const check = upstream.health_check;
      const tls = this.options.tls(upstream.tls);
      for (const [index, { url }] of upstream.endpoints.entries()) {
        const slot = slots[name]?.[index];
        if (slot === undefined) continue;
        const old = before.get(slot);
        // A slot can have been given to another endpoint since.
        const known = old !== undefined && old.upstream === name && old.url === url ? old : null;
        if (check === undefined) {
          if (known !== null) this.options.table.setHealth(slot, ENDPOINT_HEALTH.unknown);
          continue;
        }
        const settings = JSON.stringify([check, tls.id, upstream.proxy_protocol]);
        if (known !== null && known.settings === settings) {
          this.watches.set(slot, known);
          before.delete(slot);
          continue;
        }
        const watch = new Watch(slot, name, url, settings, check, probeTarget(url, check, upstream, tls), known?.state ?? UNKNOWN_HEALTH);
        this.watches.set(slot, watch);
        fresh.push(watch);
      }
    }
    for (const [index, watch] of fresh.entries()) this.runIn(watch, firstProbeInMs(index, fresh.length));
    for (const watch of before.values()) cancel(watch);
  }

  /** Why the newest probe of the endpoint failed. Null: it passed, or there was none. */
  reason(slot: number): string | null {
    return this.watches.get(slot)?.reason ?? null;
  }

  stop(): void {
    for (const watch of this.watches.values()) cancel(watch);
    this.watches.clear();
  }

  private runIn(watch: Watch, delayMs: number): void {
    watch.cancelTimer = this.options.after(delayMs, () => void this.run(watch));
  }

  private schedule(watch: Watch): void {
    const { now, random } = this.options;
    const { state, check, firstStartMs, previousStartMs } = watch;
    const at = now();
    const intervalMs = state.proven ? check.interval : unprovenIntervalMs(at - (firstStartMs ?? at), this.watches.size, check.interval);
    this.runIn(watch, nextProbeAtMs(previousStartMs, at, intervalMs, random()) - at);
  }

  private async run(watch: Watch): Promise<void> {
    watch.cancelTimer = null;
    watch.previousStartMs = this.options.now();
    watch.firstStartMs ??= watch.previousStartMs;
    const abort = new AbortController();
    watch.abort = abort;
    const result = await this.options.probe(watch.target, abort.signal);
    if (abort.signal.aborted) return;
    watch.abort = null;
    this.judge(watch, result);
    this.schedule(watch);
  }

  private judge(watch: Watch, result: ProbeResult): void {
    watch.reason = result;
    const { state, changed } = nextHealth(watch.state, result === null, watch.check);
    watch.state = state;
    const { log, table } = this.options;
    // Too few probes to judge yet: workers go by the newest one.
    if (state.health === "unknown") table.setRefusing(watch.slot, result !== null);
    if (!changed) return;
    const fields = { upstream: watch.upstream, endpoint: watch.url };
    table.setHealth(watch.slot, ENDPOINT_HEALTH[state.health]);
    if (state.health === "healthy") log.info("endpoint_healthy", `${watch.url} is healthy`, fields);
    else log.warn("endpoint_unhealthy", `${watch.url} is unhealthy: ${result ?? ""}`, { ...fields, reason: result ?? "" });
    this.onChange?.();
  }
}

/** The target of a probe that only connects, for upstreams without a health check (used by startup.ts and refusing-endpoints.ts). */
export function connectTarget(upstream: Upstream, url: string, timeoutMs: number, tls: TlsFor): ProbeTarget {
  return {
    url,
    proxyProtocol: upstream.proxy_protocol,
    path: undefined,
    host: undefined,
    expectedStatuses: [],
    timeoutMs,
    tls: tls(upstream.tls),
  };
}

function probeTarget(url: string, check: HealthCheck, upstream: Upstream, tls: UpstreamTls): ProbeTarget {
  return {
    url,
    proxyProtocol: upstream.proxy_protocol,
    path: check.path,
    host: check.host,
    expectedStatuses: check.expected_statuses,
    timeoutMs: check.timeout,
    tls,
  };
}

function cancel(watch: Watch): void {
  watch.cancelTimer?.();
  watch.cancelTimer = null;
  watch.abort?.abort();
}
