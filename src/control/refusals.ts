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

const LOOK_EVERY_MS = 500;

export interface RefusalsOptions {
  readonly table: EndpointTable;
  readonly probe: Probe;
  readonly readFile: (path: string) => string;
  /** Whether no endpoint of any upstream is usable. */
  readonly allDown: () => boolean;
}

export class Refusals {
  private readonly options: RefusalsOptions;
  private abort: AbortController = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalsOptions) {
    this.options = options;
  }

  /** Looks after the endpoints of this configuration, and of no other. */
  apply(config: Config, slots: SlotsByUpstream): void {
    this.stop();
    this.abort = new AbortController();
    const { signal } = this.abort;
    const look = async (): Promise<void> => {
      if (this.options.allDown()) await this.connect(config, slots, signal);
      if (!signal.aborted) this.timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    this.timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort.abort();
  }

  private async connect(config: Config, slots: SlotsByUpstream, signal: AbortSignal): Promise<void> {
    const { table, probe, readFile } = this.options;
    const attempts = Object.entries(config.upstreams).flatMap(([name, upstream]) => {
      if (upstream.health_check !== undefined) return [];
      return upstream.endpoints.map(async ({ url }, index) => {
        const slot = slots[name]?.[index];
        if (slot === undefined || !table.refusing(slot)) return;
        const result = await probe(connectTarget(upstream, url, upstream.timeouts.connect, readFile), signal);
        if (result === null && !signal.aborted) table.setRefusing(slot, false);
      });
    });
    await Promise.all(attempts);
  }
}
