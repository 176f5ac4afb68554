/**
 * Finds out that endpoints without a health check are back, when no endpoint is usable any more.
 *
 * Such an endpoint counts as refusing after a connection to it fails, and as usable after one succeeds (shared/endpoint-table.ts). When
 * all endpoints are unusable, balancers send no request, so no request could find out that one is back. Then, and only then, this class
 * connects to them.
 */
import type { Config } from "../../config/schema/schema.ts";
import type { EndpointTable } from "../../shared/endpoint-table.ts";
import type { SlotsByUpstream } from "../workers/endpoint-slots.ts";
import { connectTarget } from "./health.ts";
import type { TlsFor } from "./health.ts";
import type { Probe } from "./probe.ts";

type Upstream = Config["upstreams"][string];

const CHECK_EVERY_MS = 500;

export interface RefusingEndpointsOptions {
  readonly table: EndpointTable;
  readonly probe: Probe;
  /** How connections to endpoints with these settings are secured. */
  readonly tls: TlsFor;
  /** Whether no upstream has a usable endpoint. */
  readonly allDown: () => boolean;
}

/** An endpoint without a health check. */
interface Unprobed {
  readonly upstream: Upstream;
  readonly url: string;
  /** Everything that an attempt to connect depends on, as text. A reload that does not change it does not abort an attempt. */
  readonly key: string;
}

/** An attempt to connect that is under way. */
interface Attempt {
  /** The endpoint's key when the attempt began. */
  readonly key: string;
  readonly abort: AbortController;
}

export class RefusingEndpoints {
  private readonly options: RefusingEndpointsOptions;
  /** By slot of the endpoint table. */
  private endpoints: ReadonlyMap<number, Unprobed> = new Map();
  /** At most one per endpoint, by its slot. */
  private readonly attempts: Map<number, Attempt> = new Map();
  private timer: NodeJS.Timeout | null = null;

  constructor(options: RefusingEndpointsOptions) {
    this.options = options;
  }

  /** From now on looks after the endpoints of this configuration, and no others. Attempts at unchanged endpoints continue. */
  apply(config: Config, slots: SlotsByUpstream): void {
    this.endpoints = unprobed(config, slots);
    for (const [slot, attempt] of this.attempts) if (this.endpoints.get(slot)?.key !== attempt.key) this.abort(slot, attempt);
    this.timer ??= setTimeout(() => this.check(), CHECK_EVERY_MS);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const [slot, attempt] of this.attempts) this.abort(slot, attempt);
  }

  private check(): void {
    this.timer = setTimeout(() => this.check(), CHECK_EVERY_MS);
    const { table, allDown } = this.options;
    if (!allDown()) return;
    for (const [slot, endpoint] of this.endpoints) {
      if (table.refusing(slot) && !this.attempts.has(slot)) void this.connect(slot, endpoint);
    }
  }

  private async connect(slot: number, { upstream, url, key }: Unprobed): Promise<void> {
    const { table, probe, tls } = this.options;
    const attempt: Attempt = { key, abort: new AbortController() };
    this.attempts.set(slot, attempt);
    const result = await probe(connectTarget(upstream, url, upstream.timeouts.connect, tls), attempt.abort.signal);
    if (attempt.abort.signal.aborted) return;
    this.attempts.delete(slot);
    if (result === null) table.setRefusing(slot, false);
  }

  private abort(slot: number, { abort }: Attempt): void {
    this.attempts.delete(slot);
    abort.abort();
  }
}

function unprobed({ upstreams }: Config, slots: SlotsByUpstream): ReadonlyMap<number, Unprobed> {
  const endpoints = new Map<number, Unprobed>();
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream.health_check !== undefined) continue;
    const settings = [name, upstream.tls, upstream.timeouts.connect, upstream.proxy_protocol];
    for (const [index, { url }] of upstream.endpoints.entries()) {
      const slot = slots[name]?.[index];
      if (slot !== undefined) endpoints.set(slot, { upstream, url, key: JSON.stringify([url, ...settings]) });
    }
  }
  return endpoints;
}
