/**
 * One endpoint of a thread. It outlives the configurations that name it: as long as each of them does, it is one object, with its pool. It is
 * found by its slot (control/endpoint-slots.ts).
 */
import { endpointAddress } from "../../config/endpoint-address.ts";
import type { EndpointConnections } from "./connector.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";

/** First what each exchange looks at, which then lies together in memory: with many endpoints each further line of the cache costs. */
export class Endpoint {
  /** Row in the endpoint table. */
  readonly slot: number;
  /** Its position in the newest set of its upstream; an older set may have it elsewhere. */
  position: number;
  /** The thread's pool for it, found at its first use. */
  pool: EndpointConnections | null = null;
  /** Of connections that are opened from now on. */
  settings: EndpointSettings;
  /** Value of Host for a request that brought none. */
  readonly authority: string;
  /** Name of its upstream, whose endpoints send responses that resemble each other. */
  readonly upstream: string;
  /** As configured: for logs and metrics. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Whether it is spoken to over TLS. */
  readonly secure: boolean;
  /** Equal for endpoints that may share connections. */
  key: string;

  constructor(upstream: string, url: string, slot: number, position: number, settings: EndpointSettings) {
    const parsed = new URL(url);
    const { host, port } = endpointAddress(parsed);
    this.slot = slot;
    this.position = position;
    this.settings = settings;
    this.authority = parsed.host;
    this.upstream = upstream;
    this.url = url;
    this.host = host;
    this.port = port;
    this.secure = parsed.protocol === "https:";
    this.key = this.keyUnder(settings);
  }

  /** A reload came: other settings mean another pool, so that no idle connection of the old ones is used. */
  update(position: number, settings: EndpointSettings): void {
    this.position = position;
    if (settings === this.settings) return;
    this.settings = settings;
    this.key = this.keyUnder(settings);
    this.pool = null;
  }

  private keyUnder(settings: EndpointSettings): string {
    return JSON.stringify([this.secure, this.host, this.port, settings.key]);
  }
}
