/**
 * The status document: `/status` on the admin address and, for configurations in the short form, on the listener itself. Pure: the
 * workers and the control plane build the same one from the shared tables.
 */
import { ENDPOINT_HEALTH } from "../shared/endpoint-table.ts";
import type { EndpointHealth } from "../shared/endpoint-table.ts";

export type HealthWord = keyof typeof ENDPOINT_HEALTH;

export interface StatusDocument {
  /** `ok`: every endpoint is of use as far as is known; `degraded`: some are not; `down`: none of any upstream is. */
  readonly status: "ok" | "degraded" | "down";
  readonly version: string;
  /** Whole seconds since the process started. */
  readonly uptime: number;
  readonly upstreams: Readonly<Record<string, { readonly endpoints: readonly EndpointStatus[] }>>;
}

export interface EndpointStatus {
  readonly url: string;
  /** What probes say. Without a health check `unknown`, but `unhealthy` from a connection that failed to the next that does not. */
  readonly health: HealthWord;
  /** Exchanges in flight, over all workers. */
  readonly in_flight: number;
}

/** What of the configuration and of the endpoint table the document needs. */
export interface StatusSource {
  readonly upstreams: Readonly<
    Record<string, { readonly endpoints: readonly { readonly url: string }[]; readonly health_check?: unknown }>
  >;
}
export interface EndpointReader {
  health(slot: number): EndpointHealth;
  refusing(slot: number): boolean;
  inFlight(slot: number): number;
}

export function statusDocument(
  config: StatusSource,
  slots: Readonly<Record<string, readonly number[]>>,
  table: EndpointReader,
  process: { readonly version: string; readonly startedAtMs: number; readonly nowMs: number },
): StatusDocument {
  const upstreams: Record<string, { endpoints: EndpointStatus[] }> = Object.create(null);
  let useful = 0;
  let useless = 0;
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const endpoints = upstream.endpoints.map(({ url }, index): EndpointStatus => {
      const slot = slots[name]?.[index];
      if (slot === undefined) return { url, health: "unknown", in_flight: 0 };
      const known = healthWord(table.health(slot));
      const refusing = known === "unknown" && table.refusing(slot);
      // With a health check the word follows its thresholds: an endpoint that has not passed a probe yet is not out before them.
      const health = refusing && upstream.health_check === undefined ? "unhealthy" : known;
      if (refusing || health === "unhealthy") useless++;
      else useful++;
      return { url, health, in_flight: table.inFlight(slot) };
    });
    upstreams[name] = { endpoints };
  }
  return {
    status: useless === 0 ? "ok" : useful === 0 ? "down" : "degraded",
    version: process.version,
    // A clock that was set back must not give a negative age.
    uptime: Math.max(0, Math.floor((process.nowMs - process.startedAtMs) / 1000)),
    upstreams,
  };
}

function healthWord(health: EndpointHealth): HealthWord {
  if (health === ENDPOINT_HEALTH.healthy) return "healthy";
  return health === ENDPOINT_HEALTH.unhealthy ? "unhealthy" : "unknown";
}
