/**
 * Implements `startup: { require_healthy: true }`: the process begins to serve only when every upstream has a healthy endpoint. An
 * upstream without health check counts as healthy as soon as one of its endpoints accepts a connection.
 */
import type { Config } from "../config/schema/schema.ts";
import { ENDPOINT_HEALTH } from "../shared/endpoint-table.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import { connectTarget } from "./health/health.ts";
import type { HealthMonitor, TlsFor } from "./health/health.ts";
import type { SlotsByUpstream } from "./workers/endpoint-slots.ts";
import type { Probe } from "./health/probe.ts";

export type StartupOutcome =
  | { readonly kind: "ready" }
  | { readonly kind: "stopped" }
  /** `lines`: one for each endpoint of each upstream without a healthy endpoint. */
  | { readonly kind: "failed"; readonly lines: readonly string[] };

export interface StartupParts {
  readonly table: EndpointTable;
  readonly monitor: HealthMonitor;
  /** How connections to endpoints with these settings are secured. */
  readonly tls: TlsFor;
  readonly probe: Probe;
}

const CONNECT_EVERY_MS = 500;

/** Waits up to `config.startup.wait` for healthy endpoints. An abort of `signal` (on SIGTERM) ends the wait with `stopped`. */
export async function waitUntilHealthy(
  config: Config,
  slots: SlotsByUpstream,
  parts: StartupParts,
  signal: AbortSignal,
): Promise<StartupOutcome> {
  const connects = new ConnectAttempts(config, parts);
  const missing = (): string[] =>
    Object.entries(config.upstreams)
      .filter(([name, upstream]) =>
        upstream.health_check === undefined ? !connects.reached.has(name) : !hasHealthy(slots[name] ?? [], parts.table),
      )
      .map(([name]) => name);

  let limit: NodeJS.Timeout | undefined;
  const kind = await new Promise<StartupOutcome["kind"]>((resolve) => {
    const check = (): void => {
      if (missing().length === 0) resolve("ready");
    };
    limit = setTimeout(() => resolve("failed"), config.startup.wait);
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
    if (signal.aborted) resolve("stopped");
    parts.monitor.onChange = check;
    connects.onChange = check;
    connects.begin();
    check();
  });
  clearTimeout(limit);
  parts.monitor.onChange = null;
  connects.stop();
  if (kind !== "failed") return { kind };
  const lines = missing().flatMap((name) =>
    (config.upstreams[name]?.endpoints ?? []).map(({ url }, index) => {
      const slot = slots[name]?.[index];
      const reason = connects.reasons.get(url) ?? (slot === undefined ? null : parts.monitor.reason(slot));
      return `upstream ${name}: ${url} is not healthy: ${reason ?? "no probe has ended yet"}`;
    }),
  );
  return { kind, lines };
}

function hasHealthy(slots: readonly number[], table: EndpointTable): boolean {
  return slots.some((slot) => table.health(slot) === ENDPOINT_HEALTH.healthy);
}

/** Connects to the endpoints of upstreams without health check, repeatedly, until one endpoint of each upstream accepts. */
class ConnectAttempts {
  /** Names of the upstreams of which an endpoint has accepted. */
  readonly reached: Set<string> = new Set();
  /** Why the newest attempt failed, by the endpoint's URL. */
  readonly reasons: Map<string, string> = new Map();
  /** Called when an upstream was reached. */
  onChange: () => void = () => {};
  private readonly config: Config;
  private readonly parts: StartupParts;
  private readonly abort: AbortController = new AbortController();
  private readonly timers: Set<NodeJS.Timeout> = new Set();

  constructor(config: Config, parts: StartupParts) {
    this.config = config;
    this.parts = parts;
  }

  begin(): void {
    for (const [name, upstream] of Object.entries(this.config.upstreams)) {
      if (upstream.health_check !== undefined) continue;
      for (const { url } of upstream.endpoints) void this.attempt(name, url);
    }
  }

  stop(): void {
    this.abort.abort();
    for (const timer of this.timers) clearTimeout(timer);
  }

  private async attempt(name: string, url: string): Promise<void> {
    const upstream = this.config.upstreams[name];
    if (upstream === undefined || this.reached.has(name)) return;
    const { probe, tls } = this.parts;
    const result = await probe(connectTarget(upstream, url, upstream.timeouts.connect, tls), this.abort.signal);
    if (this.abort.signal.aborted) return;
    if (result === null) {
      this.reached.add(name);
      this.onChange();
      return;
    }
    this.reasons.set(url, result);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.attempt(name, url);
    }, CONNECT_EVERY_MS);
    this.timers.add(timer);
  }
}
