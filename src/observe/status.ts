/**
 * Builds the status document, which `/status` answers on the admin address and, for configurations in the short form, on the listener
 * itself. Pure: the main thread and the workers build the same document from the shared tables.
 */
import type { AcmeReading } from "./acme-reading.ts";
import { NO_TLS } from "./certificate-reading.ts";
import type { CertificateReading, TlsReading } from "./certificate-reading.ts";
import { ENDPOINT_HEALTH } from "../shared/endpoint-table.ts";
import type { EndpointHealth } from "../shared/endpoint-table.ts";
import type { StoreReading } from "./store-reading.ts";
import { isUnverified } from "../shared/upstream-tls.ts";

/** The health of an endpoint. `unknown`: nothing has been learned of it yet. */
export type HealthWord = "unknown" | "healthy" | "unhealthy";

/** What `/status` shows (docs/observability.md). */
export interface StatusDocument {
  /**
   * `ok` when no endpoint is known to be unhealthy or refusing; `degraded` when some are; `down` when all endpoints of all upstreams are.
   */
  readonly status: "ok" | "degraded" | "down";
  /** Version of Millrace. */
  readonly version: string;
  /** Whole seconds since the process started. */
  readonly uptime: number;
  /** The endpoints of each upstream, by its name, in the order of the configuration. */
  readonly upstreams: Readonly<Record<string, UpstreamStatus>>;
  /** The certificates of listeners, of upstreams and of the admin address, in the order of the configuration; absent when there are none. */
  readonly certificates?: readonly CertificateStatus[];
  /** Certificates over ACME. Only on the admin address, and only where a listener has `tls.acme`. */
  readonly acme?: readonly AcmeCertificateStatus[];
  /** The stores by name. Only on the admin address, and absent when there are none. */
  readonly stores?: Readonly<Record<string, StoreStatus>>;
}

/** One store in a {@link StatusDocument}. */
export interface StoreStatus {
  /** As configured: `redis`. */
  readonly type: string;
  /** Whether every thread that has asked it gets answers. */
  readonly up: boolean;
  /** Why not; null: it is up, or no thread has an answer yet. */
  readonly problem: string | null;
  /** Since when that holds. */
  readonly since: string;
}

/** One certificate in a {@link StatusDocument}. */
export interface CertificateStatus {
  /** Address of the listener that serves it, as configured. Exactly one of `listener`, `upstream` and `admin` is there. */
  readonly listener?: string;
  /** Name of the upstream whose endpoints are shown it. */
  readonly upstream?: string;
  /** The admin address that serves it, as configured. */
  readonly admin?: string;
  /** DNS names and IP addresses that it serves. */
  readonly names: readonly string[];
  /** Kind of its key: `ecdsa`, `rsa` or `other`. */
  readonly key: string;
  /** When it ends, such as `2027-01-31T12:00:00.000Z`. */
  readonly expires: string;
  /** Since when it is in use. */
  readonly since: string;
}

/** One certificate over ACME in a {@link StatusDocument}. */
export interface AcmeCertificateStatus {
  /** The names for which it is ordered. */
  readonly names: readonly string[];
  /** When the certificate that is served ends; null: there is none. */
  readonly valid_until: string | null;
  /** When a new one is ordered; null: that is not known yet. */
  readonly next_order: string | null;
  /** Why the last order has failed; null: it has not. */
  readonly problem: string | null;
  /** Whether a client has named it, and no configuration. */
  readonly on_demand: boolean;
}

/** The certificates as `/status` shows them. */
export function certificateStatus(readings: readonly CertificateReading[]): readonly CertificateStatus[] {
  return readings.map(({ use, of, names, key, notAfterMs, readAtMs }) => ({
    [use]: of,
    names,
    key,
    expires: new Date(notAfterMs).toISOString(),
    since: new Date(readAtMs).toISOString(),
  }));
}

/** One upstream in a {@link StatusDocument}. */
export interface UpstreamStatus {
  /** In the order of the configuration. */
  readonly endpoints: readonly EndpointStatus[];
  /** Present when `https` endpoints need not prove who they are: with `verify: false`, and without `pinned_keys`. */
  readonly verify?: false;
}

/** One endpoint in a {@link StatusDocument}. */
export interface EndpointStatus {
  /** As configured. */
  readonly url: string;
  /**
   * The health by probes. Without a health check it is `unhealthy` after an attempt to connect has failed, until one succeeds, else
   * `unknown`.
   */
  readonly health: HealthWord;
  /** Exchanges in flight, over all workers. */
  readonly in_flight: number;
}

/** What the document needs of the configuration. */
export interface StatusSource {
  readonly upstreams: Readonly<
    Record<
      string,
      {
        readonly endpoints: readonly { readonly url: string }[];
        readonly health_check?: unknown;
        readonly tls?: { readonly verify: boolean; readonly pinned_keys?: readonly string[] | undefined };
      }
    >
  >;
}

/** What the document needs of the endpoint table. */
export interface EndpointReader {
  health(slot: number): EndpointHealth;
  refusing(slot: number): boolean;
  inFlight(slot: number): number;
}

/** @param slots of the endpoints in the endpoint table, by upstream name, in file order */
export function statusDocument(
  config: StatusSource,
  slots: Readonly<Record<string, readonly number[]>>,
  table: EndpointReader,
  process: { readonly version: string; readonly startedAtMs: number; readonly nowMs: number },
  { certificates, acme }: Pick<TlsReading, "certificates" | "acme"> = NO_TLS,
  stores: readonly StoreReading[] = [],
): StatusDocument {
  const upstreams: Record<string, UpstreamStatus> = Object.create(null);
  let useful = 0;
  let useless = 0;
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const endpoints = upstream.endpoints.map(({ url }, index): EndpointStatus => {
      const slot = slots[name]?.[index];
      if (slot === undefined) return { url, health: "unknown", in_flight: 0 };
      const known = healthWord(table.health(slot));
      const refusing = known === "unknown" && table.refusing(slot);
      // With a health check only its thresholds make an endpoint unhealthy, even one that has not passed a probe yet.
      const health = refusing && upstream.health_check === undefined ? "unhealthy" : known;
      if (refusing || health === "unhealthy") useless++;
      else useful++;
      return { url, health, in_flight: table.inFlight(slot) };
    });
    const isOpen = upstream.tls !== undefined && isUnverified(upstream.tls) && endpoints.some(({ url }) => url.startsWith("https:"));
    upstreams[name] = isOpen ? { endpoints, verify: false } : { endpoints };
  }
  return {
    status: useless === 0 ? "ok" : useful === 0 ? "down" : "degraded",
    version: process.version,
    // A clock that was set back must not give a negative uptime.
    uptime: Math.max(0, Math.floor((process.nowMs - process.startedAtMs) / 1000)),
    upstreams,
    ...(certificates.length === 0 ? {} : { certificates: certificateStatus(certificates) }),
    ...(acme === null ? {} : { acme: acmeStatus(acme) }),
    ...(stores.length === 0 ? {} : { stores: storeStatus(stores) }),
  };
}

function healthWord(health: EndpointHealth): HealthWord {
  if (health === ENDPOINT_HEALTH.healthy) return "healthy";
  return health === ENDPOINT_HEALTH.unhealthy ? "unhealthy" : "unknown";
}

function acmeStatus({ certificates }: AcmeReading): readonly AcmeCertificateStatus[] {
  return certificates.map(({ names, untilMs, nextMs, problem, onDemand }) => ({
    names,
    valid_until: asTime(untilMs),
    next_order: asTime(nextMs),
    problem,
    on_demand: onDemand,
  }));
}

function storeStatus(stores: readonly StoreReading[]): Readonly<Record<string, StoreStatus>> {
  return Object.fromEntries(
    stores.map(({ name, type, up, problem, sinceMs }) => [name, { type, up, problem, since: new Date(sinceMs).toISOString() }]),
  );
}

function asTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
