/** The proxies of a middleware, one for each target. They begin with the first request and end when nothing has needed them for a while. */
import type { startProxy } from "../embed/running-proxy.ts";
import type { MillraceProxy } from "../embed/proxy-types.ts";
import type { ProxyConfig } from "../middleware/config-input.ts";
import { exchangeHooks } from "./exchange-hooks.ts";
import type { HandedOver } from "./exchange-hooks.ts";
import type { Target } from "./options/target.ts";

/** Targets with connections at a time. Bounds what a `router` can cost that makes targets of what clients send. */
const ORIGINS_MAX = 256;
/** Connections to a target are kept this long after its last request. */
const IDLE_MS = 60_000;

export interface OriginOptions {
  readonly secure?: boolean | undefined;
  readonly proxyTimeout?: number | undefined;
}

/** The use of a proxy for one request. */
export interface Lease {
  readonly proxy: MillraceProxy;
  /** Names the request to the proxy. */
  readonly token: string;
  end(): void;
}

export class Origins {
  private readonly options: OriginOptions;
  private readonly onError: (message: string) => void;
  /** The least recently used first. */
  private readonly origins: Map<string, Origin> = new Map();

  /** @param onError told what goes wrong in a proxy */
  constructor(options: OriginOptions, onError: (message: string) => void) {
    this.options = options;
    this.onError = onError;
  }

  /** Rejects if the target cannot be used. */
  async lease({ origin: url }: Target, request: HandedOver): Promise<Lease> {
    let origin = this.origins.get(url);
    if (origin === undefined) {
      this.makeRoom();
      const made = new Origin(configOf(url, this.options), this.onError, () => this.drop(url, made));
      origin = made;
    }
    this.origins.delete(url);
    this.origins.set(url, origin);
    return origin.lease(request);
  }

  /** Ends all of them. Requests that run have a few seconds. */
  async close(): Promise<void> {
    const all = [...this.origins.values()];
    this.origins.clear();
    await Promise.all(all.map((origin) => origin.close()));
  }

  private makeRoom(): void {
    if (this.origins.size < ORIGINS_MAX) return;
    const idle = [...this.origins].find(([, { isIdle }]) => isIdle);
    if (idle === undefined) throw new Error(`there are requests for ${ORIGINS_MAX} targets already`);
    this.drop(...idle);
  }

  private drop(url: string, origin: Origin): void {
    if (this.origins.get(url) === origin) this.origins.delete(url);
    void origin.close();
  }
}

class Origin {
  private readonly started: Promise<MillraceProxy>;
  private readonly requests: Map<string, HandedOver> = new Map();
  private readonly onIdle: () => void;
  private last: number = 0;
  private users: number = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(config: Config, onError: (message: string) => void, onIdle: () => void) {
    this.onIdle = onIdle;
    const hooks = exchangeHooks((token) => this.requests.get(token));
    const onLog = ({ level, message }: { readonly level: string; readonly message: string }): void => {
      if (level === "error") onError(message);
    };
    this.started = start({ ...config, routes: [{ upstream: "target", middleware: [hooks()] }] }, { onLog, environment: {} });
  }

  get isIdle(): boolean {
    return this.users === 0;
  }

  async lease(request: HandedOver): Promise<Lease> {
    const token = String(++this.last);
    this.users++;
    if (this.timer !== null) clearTimeout(this.timer);
    try {
      const proxy = await this.started;
      this.requests.set(token, request);
      return { proxy, token, end: () => this.end(token) };
    } catch (error) {
      this.users--;
      this.onIdle();
      throw error;
    }
  }

  private end(token: string): void {
    if (!this.requests.delete(token) || --this.users > 0) return;
    // The proxy's own timers keep the program alive until then, and this one need not.
    this.timer = setTimeout(this.onIdle, IDLE_MS).unref();
  }

  async close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    // A start that has failed was told to whoever asked for it.
    const proxy = await this.started.catch(() => null);
    await proxy?.close();
  }
}

/** Loads the proxy when the first request comes. */
async function start(...given: Parameters<typeof startProxy>): Promise<MillraceProxy> {
  const { startProxy } = await import("../embed/running-proxy.ts");
  return startProxy(...given);
}

type Config = Pick<Extract<ProxyConfig, { readonly routes: unknown }>, "listeners" | "upstreams" | "shutdown">;

/** The program's server has limits for clients, so there are hardly any here. */
function configOf(url: string, { secure = true, proxyTimeout }: OriginOptions): Config {
  const limit = proxyTimeout === undefined || proxyTimeout === 0 ? "1h" : (`${Math.max(1, Math.round(proxyTimeout))}ms` as const);
  return {
    listeners: [
      {
        address: "127.0.0.1:0",
        unsafe_field_names: "forward",
        timeouts: { idle: "1h" },
        limits: { head_bytes: "1MiB", request_line: "1MiB", headers: 10_000, body_rate: 0, response_rate: 0 },
      },
    ],
    upstreams: {
      target: {
        endpoints: [url],
        via: false,
        x_forwarded: false,
        timeouts: {
          connect: proxyTimeout === undefined || proxyTimeout === 0 ? "30s" : limit,
          response_head: limit,
          idle: limit,
          tunnel_idle: "24h",
        },
        tls: { verify: secure },
      },
    },
    shutdown: { timeout: "5s" },
  };
}
