/**
 * A configuration compiled for use: immutable, built once per thread and generation, swapped in one assignment. An exchange keeps the
 * one it began with. All that can be decided before the first request is decided here, and of the configuration as it was read nothing
 * is kept: of ten thousand routes that would be megabytes in each thread.
 */
import { endpointAddress } from "../config/endpoint-address.ts";
import { routeLabel } from "../config/route-label.ts";
import type { Config } from "../config/schema.ts";
import type { FeatureKey } from "../features/declared.ts";
import type { RequestHead } from "../http/request-head.ts";
import { makeBalancer } from "../policy/balance/make-balancer.ts";
import type { Balancer } from "../policy/balance/balancer.ts";
import { guardsOf } from "../policy/route/guards.ts";
import { AMBIGUOUS, compileRoutes } from "../policy/route/match.ts";
import type { MatchableRoute, RouteTable } from "../policy/route/match.ts";
import { normalizePath } from "../policy/route/normalize-path.ts";
import { WorkerMetrics, metricLayout } from "../shared/metric-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import * as answers from "./exchange/answers.ts";
import { outcomeCounters } from "./outcome-counters.ts";
import type { Feature, ThreadContext } from "./feature/feature.ts";
import type { LocalAnswer, Middleware } from "./feature/middleware.ts";
import { NO_HOOKS, hooksOf } from "./feature/route-hooks.ts";
import type { RouteHooks } from "./feature/route-hooks.ts";
import type { EndpointConnections } from "./ports.ts";

type UpstreamConfig = Config["upstreams"][string];
type RouteConfig = Config["routes"][number];

/** One endpoint as the data path uses it: first what each exchange looks at, which then lies together in memory. */
export interface EndpointTarget {
  /** Position in its upstream. */
  readonly index: number;
  /** Row in the endpoint table. */
  readonly slot: number;
  /** The thread's pool for it, found at its first use. */
  pool: EndpointConnections | null;
  /** Name of its upstream, whose endpoints send responses that resemble each other. */
  readonly upstream: string;
  readonly timeouts: UpstreamConfig["timeouts"];
  readonly keepAlive: UpstreamConfig["keep_alive"];
  /** Value of Host for a request that brought none. */
  readonly authority: string;
  /** Whether requests name the proxy in Via. */
  readonly via: boolean;
  /** As configured: for logs and metrics. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: EndpointTls | null;
  /** Equal for endpoints that may share connections. */
  readonly key: string;
}

export interface EndpointTls {
  readonly verify: boolean;
  /** Name sent by SNI and verified; "" for an IP address. */
  readonly server_name: string;
  /** PEM certificates that are trusted instead of the system's, or null. */
  readonly ca: readonly string[] | null;
}

export interface UpstreamGroup {
  readonly name: string;
  readonly endpoints: readonly EndpointTarget[];
  readonly balancer: Balancer;
  /** Has a health check, so that its endpoints become healthy or unhealthy. */
  readonly probed: boolean;
  readonly retries: number;
}

export interface Route {
  /** Position in the configuration; -1 for routes of the proxy's own. */
  readonly index: number;
  readonly name: string;
  readonly upstream: UpstreamGroup | null;
  /** Answers instead of an upstream. */
  readonly local: (() => LocalAnswer) | null;
  /** null: no limit. Not Infinity, which would be an object of its own for each of ten thousand routes. */
  readonly bodyBytesMax: number | null;
  readonly hooks: RouteHooks;
}

/** What a thread brings to the configuration. */
export interface SnapshotContext extends ThreadContext {
  /** What a route can do, in the order in which it is done (features/registry.ts). */
  readonly features: readonly Feature[];
  readonly status: () => string;
  /** Reads a PEM file: the control plane has checked that it can be read. */
  readonly readFile: (path: string) => string;
}

export class Snapshot {
  readonly generation: number;
  readonly metrics: WorkerMetrics;
  /** Exchanges in flight in this thread that run under it. */
  exchangesOpen: number = 0;
  /** The counter that an exchange moves with its outcome; undefined: none. */
  readonly outcomeCounters: ReadonlyMap<string, number>;
  private readonly groups: ReadonlyMap<string, UpstreamGroup>;
  private readonly table: RouteTable<Route>;
  private readonly statusPath: string | null;
  private readonly statusRoute: Route;

  constructor(message: ConfigureMessage, context: SnapshotContext) {
    const { config } = message;
    this.generation = message.generation;
    this.metrics = new WorkerMetrics(metricLayout(config), message.metricTable, context.workerIndex);
    this.outcomeCounters = outcomeCounters(context.features);
    const groups = new Map<string, UpstreamGroup>();
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      groups.set(name, compileUpstream(name, upstream, message.endpointSlots[name] ?? [], context));
    }
    this.groups = groups;
    this.table = compileRoutes(
      config.routes.map((route, index) => ({ ...matchable(route), taker: compileRoute(route, index, groups, context) })),
    );
    this.statusPath = config.status_path;
    this.statusRoute = ownRoute("status", () => ({
      status: 200,
      reason: "status",
      detail: "",
      fields: [["Cache-Control", "no-store"]],
      body: { contentType: "application/json", text: context.status() },
    }));
  }

  /** The route that takes the request, or one of the proxy's own, which says that there is none. */
  findRoute(request: RequestHead): Route {
    if (this.statusPath !== null && request.path === this.statusPath && (request.method === "GET" || request.method === "HEAD")) {
      return this.statusRoute;
    }
    const path = normalizePath(request.path);
    if (path === null) return REFUSED_PATH;
    const found = this.table.find(request, path);
    return found === AMBIGUOUS ? REFUSED_PATH : (found ?? NOWHERE);
  }

  /** Names of all upstreams. */
  upstreamNames(): readonly string[] {
    return [...this.groups.keys()];
  }

  /** Keys of all endpoints: pools of others are not needed any more. */
  poolKeys(): string[] {
    return [...this.groups.values()].flatMap((group) => group.endpoints.map((endpoint) => endpoint.key));
  }
}

/** What matching needs of a route. */
export function matchable(route: RouteConfig): MatchableRoute {
  return { match: route.match, cors: route.cors, guards: guardsOf(route) };
}

/** The middleware of a route, in the order of the features. */
export function routeMiddleware(route: RouteConfig, index: number, features: readonly Feature[], thread: ThreadContext): Middleware[] {
  const chain: Middleware[] = [];
  for (const feature of features) {
    const middleware = compileFeature(feature, route, index, thread);
    if (middleware !== null) chain.push(middleware);
  }
  return chain;
}

function compileFeature<Key extends FeatureKey>(
  feature: Feature<Key>,
  route: RouteConfig,
  index: number,
  { workerIndex, buckets, now, report }: ThreadContext,
): Middleware | null {
  const config = route[feature.key];
  if (config === undefined) return null;
  const label = routeLabel(route, index);
  const key = (): string => `${label}\n${route.upstream}\n${JSON.stringify(route.match)}`;
  return feature.compile(config, { workerIndex, buckets, now, report, route: { index, label, key } });
}

function compileRoute(route: RouteConfig, index: number, groups: ReadonlyMap<string, UpstreamGroup>, context: SnapshotContext): Route {
  return {
    index,
    name: routeLabel(route, index),
    upstream: groups.get(route.upstream) ?? null,
    local: null,
    bodyBytesMax: route.max_body ?? null,
    hooks: hooksOf(routeMiddleware(route, index, context.features, context)),
  };
}

/** A route of the proxy's own. */
function ownRoute(name: string, local: () => LocalAnswer): Route {
  return { index: -1, name, upstream: null, local, bodyBytesMax: null, hooks: NO_HOOKS };
}

/** Of requests that no route of the configuration takes. */
const NOWHERE: Route = ownRoute("", () => answers.NO_ROUTE);
/** Of paths that no route may take. */
const REFUSED_PATH: Route = ownRoute("", () => answers.BAD_PATH);

function compileUpstream(name: string, config: UpstreamConfig, slots: readonly number[], context: SnapshotContext): UpstreamGroup {
  const ca = config.tls.ca_file === undefined ? null : [context.readFile(config.tls.ca_file)];
  const endpoints = config.endpoints.map((endpoint, index): EndpointTarget => {
    const url = new URL(endpoint.url);
    const { host, port } = endpointAddress(url);
    const secure = url.protocol === "https:";
    const tls = secure
      ? { verify: config.tls.verify, server_name: config.tls.server_name ?? (isIpAddress(url.hostname) ? "" : host), ca }
      : null;
    return {
      index,
      slot: slots[index] ?? 0,
      pool: null,
      upstream: name,
      timeouts: config.timeouts,
      keepAlive: config.keep_alive,
      authority: url.host,
      via: config.via,
      url: endpoint.url,
      host,
      port,
      tls,
      key: JSON.stringify([url.protocol, url.host, tls, config.timeouts, config.keep_alive, config.via]),
    };
  });
  const balancer = makeBalancer(config.endpoints, context.workerIndex);
  return { name, endpoints, balancer, probed: config.health_check !== undefined, retries: config.retries };
}

function isIpAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(hostname);
}
