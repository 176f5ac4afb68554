/**
 * Endpoints without a health check count as usable until a connection to them fails (shared/endpoint-table.ts), and again when one
 * succeeds. Where no endpoint is usable any more, balancers send nothing, so no request would ever find out that one is back: then, and
 * only then, this connects to them.
 */
import type { Config } from "../config/schema.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import type { SlotsByUpstream } from "./endpoint-slots.ts";
import { connectTarget } from "./health.ts";
import type { Probe } from "./probe.ts";

type Upstream = Config["upstreams"][string];

const LOOK_EVERY_MS = 500;

export interface RefusalsOptions {
  readonly table: EndpointTable;
  readonly probe: Probe;
  readonly readFile: (path: string) => string;
  /** Whether no endpoint of any upstream is usable. */
  readonly allDown: () => boolean;
}

/** An endpoint without a health check. */
interface Unprobed {
  readonly upstream: Upstream;
  readonly url: string;
  /** Equal as long as a reload changes nothing that an attempt to connect depends on. */
  readonly key: string;
}

interface Attempt {
  readonly key: string;
  readonly abort: AbortController;
}

export class Refusals {
  private readonly options: RefusalsOptions;
  /** By slot. */
  private endpoints: ReadonlyMap<number, Unprobed> = new Map();
  /** Those under way, by slot: one for each endpoint. */
  private readonly attempts: Map<number, Attempt> = new Map();
  private timer: NodeJS.Timeout | null = null;

  constructor(options: RefusalsOptions) {
    this.options = options;
  }

  /** Looks after the endpoints of this configuration, and of no other. What is under way for an endpoint that did not change goes on. */
  apply(config: Config, slots: SlotsByUpstream): void {
    this.endpoints = unprobed(config, slots);
    for (const [slot, attempt] of this.attempts) if (this.endpoints.get(slot)?.key !== attempt.key) this.callOff(slot, attempt);
    this.timer ??= setTimeout(() => this.look(), LOOK_EVERY_MS);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const [slot, attempt] of this.attempts) this.callOff(slot, attempt);
  }

  private look(): void {
    this.timer = setTimeout(() => this.look(), LOOK_EVERY_MS);
    const { table, allDown } = this.options;
    if (!allDown()) return;
    for (const [slot, endpoint] of this.endpoints) {
      if (table.refusing(slot) && !this.attempts.has(slot)) void this.connect(slot, endpoint);
    }
  }

  private async connect(slot: number, { upstream, url, key }: Unprobed): Promise<void> {
    const { table, probe, readFile } = this.options;
    const attempt: Attempt = { key, abort: new AbortController() };
    this.attempts.set(slot, attempt);
    const result = await probe(connectTarget(upstream, url, upstream.timeouts.connect, readFile), attempt.abort.signal);
    if (attempt.abort.signal.aborted) return;
    this.attempts.delete(slot);
    if (result === null) table.setRefusing(slot, false);
  }

  private callOff(slot: number, { abort }: Attempt): void {
    this.attempts.delete(slot);
    abort.abort();
  }
}

function unprobed({ upstreams }: Config, slots: SlotsByUpstream): ReadonlyMap<number, Unprobed> {
  const endpoints = new Map<number, Unprobed>();
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream.health_check !== undefined) continue;
    const settings = [name, upstream.tls, upstream.timeouts.connect];
    for (const [index, { url }] of upstream.endpoints.entries()) {
      const slot = slots[name]?.[index];
      if (slot !== undefined) endpoints.set(slot, { upstream, url, key: JSON.stringify([url, ...settings]) });
    }
  }
  return endpoints;
}
