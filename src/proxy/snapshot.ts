/**
 * The compiled configuration of a thread. Immutable: each reload builds a new snapshot and swaps it in by one assignment, and an exchange
 * keeps the snapshot that it began with. Everything that can be decided before the first request is decided here. The configuration as it
 * was read is not kept: for ten thousand routes it would be megabytes in each thread. Upstreams and endpoints are not part of it, because
 * they outlive it.
 */
import { routeLabel } from "../config/checks/route-label.ts";
import type { Config } from "../config/schema/schema.ts";
import type { FeatureKey } from "../features/declared.ts";
import type { RequestHead } from "../http/request-head.ts";
import { ADMITTED_BY_DEFAULT } from "../http/upgrade.ts";
import { guardsOf } from "../policy/route/guards.ts";
import { AMBIGUOUS, compileRoutes } from "../policy/route/match.ts";
import type { MatchedCertificate } from "../policy/route/certificate-conditions.ts";
import type { MatchableRoute } from "../policy/route/conditions.ts";
import type { RouteTable } from "../policy/route/match.ts";
import { normalizePath } from "../policy/route/normalize-path.ts";
import { pathGroupsOf } from "../policy/route/path-groups.ts";
import type { PathGroups } from "../policy/route/path-groups.ts";
import { WorkerMetrics, metricLayout } from "../shared/metric-table.ts";
import type { MetricSource } from "../shared/metric-table.ts";
import type { ConfigureMessage, RenewedRoute } from "../shared/protocol.ts";
import type { FurtherField } from "../config/access-log/access-fields.ts";
import { withFurther } from "../config/access-log/access-shape.ts";
import { AccessLog } from "./access-log.ts";
import * as answers from "./exchange/answers.ts";
import { outcomeCounters } from "./outcome-counters.ts";
import type { Feature, ThreadContext } from "./feature/feature.ts";
import type { Middleware } from "./feature/middleware.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { routeMiddleware } from "./route-middleware.ts";
import type { KnownMiddleware } from "./route-middleware.ts";
import { admittedUpgrades, routePolicy } from "./route-policy.ts";
import type { RoutePolicy } from "./route-policy.ts";
import { NO_HOOKS, hooksOf } from "./feature/route-hooks.ts";
import type { RouteHooks } from "./feature/route-hooks.ts";
import type { EndpointSet } from "./upstream/endpoint-set.ts";
import type { Mirror } from "./mirror.ts";
import { SplitChoice } from "./split-choice.ts";
import type { UpstreamGroup } from "./upstream/upstream-group.ts";

type RouteConfig = Config["routes"][number];

/** A compiled route. */
export interface Route {
  /** Position among the routes in the metrics, where each side of a split is one; -1 for the proxy's own routes. */
  readonly index: number;
  /** Name in logs and metrics. */
  readonly name: string;
  /** Where requests go; null: `local` or a middleware answers, or `split` leads to a route with an upstream. */
  readonly upstream: UpstreamGroup | null;
  /** Null: the route has one upstream or none. */
  readonly split: Split | null;
  /** Null: no copies of requests are sent anywhere. */
  readonly mirror: Mirror | null;
  /** Makes the proxy's own answer; null: an upstream or a middleware answers. */
  readonly local: (() => LocalAnswer) | null;
  /**
   * Largest request body in bytes; null: no limit. Not Infinity, which V8 would store as a separate object for each of ten thousand routes.
   */
  readonly bodyBytesMax: number | null;
  /** How much of a request's body is held until it is complete, before an endpoint is asked; 0: the body is streamed. */
  readonly requestBufferBytes: number;
  /** Time limits, further attempts and holding, as the route itself says; null: it says nothing. */
  readonly policy: RoutePolicy | null;
  /** How much of a response's body is held for a client that is slower than the endpoint; 0: the endpoint waits. */
  readonly responseBufferBytes: number;
  /** The groups of its regular expressions, which are variables; null: it has none. */
  readonly pathGroups: PathGroups | null;
  /** The protocols to which connections may be switched, in lower case. */
  readonly upgrade: readonly string[];
  readonly hooks: RouteHooks;
  /** The route's own access log; null: that of the configuration. */
  readonly accessLog: AccessLog | null;
  /** Whether tokens of language models are counted. */
  readonly countsTokens: boolean;
  /** What lines of the access log say of it beyond what they say of all routes, unless the configuration chooses. */
  readonly furtherLogged: readonly FurtherField[];
}

/** The upstreams of a route that has several. */
export interface Split {
  readonly choice: SplitChoice;
  /** The route as it is for each of the upstreams. */
  readonly sides: readonly Route[];
}

/** What a thread provides for compiling a configuration. */
export interface SnapshotContext extends ThreadContext {
  /** All features, in the order in which their middleware run (features/registry.ts). */
  readonly features: readonly Feature[];
  /** Returns the status document as JSON. */
  readonly status: () => string;
  /** The user's own middleware of the route at that position, in the order in which they act, after those of the features. */
  readonly ownMiddleware: (index: number) => readonly Middleware[];
}

export class Snapshot {
  readonly generation: number;
  readonly metrics: WorkerMetrics;
  /** How many bytes of bodies all threads together may keep in memory (`limits.buffered_bytes`). */
  readonly keptBytesMax: number;
  /** How many exchanges of this thread run under this snapshot. */
  exchangesOpen: number = 0;
  /** The middleware that see the proxy's own answers to requests that no route takes, in order. */
  readonly onAnswer: readonly Middleware[];
  /** The counter for each outcome of an exchange, see {@link outcomeCounters}. */
  readonly outcomeCounters: ReadonlyMap<string, number>;
  /** The access log of exchanges whose route has none of its own. */
  readonly accessLog: AccessLog;
  /** The same with the further fields of some routes. */
  private readonly furtherLogs: Map<readonly FurtherField[], AccessLog> = new Map();
  /** Whether some lines show fields of responses. */
  readonly logsResponses: boolean;
  /** The fields that only the proxy may write in requests, in lower case (`Feature.reserves`); null: none. */
  get reservedFields(): ReadonlySet<string> | null {
    return this.routes.reservedFields;
  }
  private readonly upstreams: ReadonlyMap<string, UpstreamGroup>;
  readonly routes: CompiledRoutes;
  private readonly statusPath: string | null;
  private readonly statusRoute: Route;
  /** For requests that no route of the configuration takes. */
  private readonly nowhere: Route;
  /** For malformed paths, and for paths that endpoints may read in different ways. */
  private readonly refusedPath: Route;

  /**
   * @param message the configuration; without routes if they are those of `before`
   * @param upstreams the upstreams of the configuration, by name
   * @param before the snapshot in use; null: this is the first
   */
  constructor(
    message: ConfigureMessage,
    upstreams: ReadonlyMap<string, UpstreamGroup>,
    context: SnapshotContext,
    before: Snapshot | null = null,
  ) {
    const { config } = message;
    this.generation = message.generation;
    this.keptBytesMax = config.limits.buffered_bytes;
    this.routes =
      message.routes !== null
        ? compiledRoutes(message.routes, upstreams, context)
        : renewedRoutes(routesOf(before), message.renewed ?? [], upstreams, context);
    const layout = metricLayout({ routes: this.routes.list.map(measured), upstreams: config.upstreams });
    this.metrics = new WorkerMetrics(layout, message.metricTable, context.workerIndex);
    this.onAnswer = hooksOf(routeMiddleware(routeOfAll(config, context.features), -1, context.features, context)).onAnswer;
    this.outcomeCounters = outcomeCounters(context.features);
    this.upstreams = upstreams;
    this.statusPath = config.status_path;
    this.accessLog = new AccessLog(config.logging.access, context.environment);
    for (const { furtherLogged: fields } of this.routes.list)
      if (fields.length > 0 && !this.furtherLogs.has(fields))
        this.furtherLogs.set(fields, new AccessLog(withFurther(config.logging.access, fields), context.environment));
    this.logsResponses = this.accessLog.readsResponses || this.routes.list.some(({ accessLog }) => accessLog?.readsResponses === true);
    const hooks = ownHooks(config, context);
    this.nowhere = ownRoute("", hooks, () => answers.NO_ROUTE);
    this.refusedPath = ownRoute("", hooks, () => answers.BAD_PATH);
    this.statusRoute = ownRoute("status", NO_HOOKS, () => ({
      status: 200,
      reason: "status",
      detail: "",
      fields: [["Cache-Control", "no-store"]],
      body: { contentType: "application/json", text: context.status() },
    }));
  }

  /** The access log of an exchange of that route; null: no route took it. */
  accessLogOf(route: Route | null): AccessLog {
    if (route === null) return this.accessLog;
    if (route.accessLog !== null) return route.accessLog;
    return route.furtherLogged.length === 0 ? this.accessLog : (this.furtherLogs.get(route.furtherLogged) ?? this.accessLog);
  }

  /**
   * Returns the route that takes the request. If there is none it is a route of the proxy's own, which answers 404, or 400 for a malformed
   * path.
   * @param client the client's address; "": it is not known
   * @param certificate the verified one that the client has shown; null: none
   */
  findRoute(request: RequestHead, client: string, certificate: MatchedCertificate | null = null): Route {
    if (this.statusPath !== null && request.path === this.statusPath && (request.method === "GET" || request.method === "HEAD")) {
      return this.statusRoute;
    }
    const path = normalizePath(request.path);
    if (path === null) return this.refusedPath;
    const { table, renewed } = this.routes;
    const found = table.find(request, path, client, certificate);
    if (found === AMBIGUOUS) return this.refusedPath;
    if (found === null) return this.nowhere;
    return renewed === null ? found : (renewed.get(found) ?? found);
  }

  /** Whether a route of the configuration takes the request. A request that the proxy itself answers or refuses counts as taken. */
  takes(request: RequestHead, client: string): boolean {
    return this.findRoute(request, client) !== this.nowhere;
  }

  /** The current endpoints of the upstream with that name; null: there is no such upstream. */
  endpointsOf(upstream: string): EndpointSet | null {
    return this.upstreams.get(upstream)?.set ?? null;
  }

  /** Names of all upstreams. */
  upstreamNames(): readonly string[] {
    return [...this.upstreams.keys()];
  }

  /** Keys of all endpoints. A pool with another key is no longer needed. */
  poolKeys(): string[] {
    return [...this.upstreams.values()].flatMap(({ set }) => set.endpoints.map(({ key }) => key));
  }
}

/** The compiled routes. The next snapshot takes them over if a reload does not change the routes. */
interface CompiledRoutes {
  readonly table: RouteTable<Route>;
  /** What the table leads to, in the order of the file. */
  readonly takers: readonly Route[];
  /** In the order of the metrics: that of the file, with the sides of a split in its place. */
  readonly list: readonly Route[];
  readonly reservedFields: ReadonlySet<string> | null;
  /** Middleware of a route that is there because of other routes, by the position of the route (`Feature.beside`). */
  readonly beside: (position: number) => readonly Middleware[];
  /** Routes that stand in the place of those to which the table leads, because their secrets have changed. Null: there are none. */
  readonly renewed: ReadonlyMap<Route, Route> | null;
}

function compiledRoutes(
  routes: readonly RouteConfig[],
  upstreams: ReadonlyMap<string, UpstreamGroup>,
  context: SnapshotContext,
): CompiledRoutes {
  const harmless = harmlessKeys(context.features);
  const list: Route[] = [];
  const beside = besideOthers(routes, context.features);
  const entries = routes.map((route, position) => {
    const taker = compileRoute(route, { position, index: list.length }, upstreams, withBeside(context, beside));
    list.push(...(taker.split?.sides ?? [taker]));
    return { ...matchable(route, harmless), taker };
  });
  const takers = entries.map(({ taker }) => taker);
  return {
    table: compileRoutes(entries, context.compileRegex),
    takers,
    list,
    renewed: null,
    reservedFields: reservedFields(routes, context.features),
    beside,
  };
}

function besideOthers(routes: readonly RouteConfig[], features: readonly Feature[]): CompiledRoutes["beside"] {
  const found = features.flatMap((feature) => besideOf(feature, routes));
  if (found.length === 0) return () => [];
  return (position) => found.flatMap(({ middleware, lacking }) => (lacking.has(position) ? [middleware] : []));
}

/** A feature's middleware for routes beside those that have it, and the positions of these routes. */
function besideOf<Key extends FeatureKey>(
  { key, beside }: Feature<Key>,
  routes: readonly RouteConfig[],
): { readonly middleware: Middleware; readonly lacking: ReadonlySet<number> }[] {
  if (beside === undefined) return [];
  const lacking = routes.flatMap((route, position) => {
    const config = route[key];
    return config !== undefined && beside.isIn(config) ? [] : [position];
  });
  return lacking.length === routes.length ? [] : [{ middleware: beside.middleware, lacking: new Set(lacking) }];
}

function withBeside(context: SnapshotContext, beside: CompiledRoutes["beside"]): SnapshotContext {
  return { ...context, ownMiddleware: (position) => [...context.ownMiddleware(position), ...beside(position)] };
}

function reservedFields(routes: readonly RouteConfig[], features: readonly Feature[]): ReadonlySet<string> | null {
  const names = features.flatMap((feature) => routes.flatMap((route) => reservedBy(feature, route)));
  return names.length === 0 ? null : new Set(names);
}

function reservedBy<Key extends FeatureKey>(feature: Feature<Key>, route: RouteConfig): readonly string[] {
  const config = route[feature.key];
  return config === undefined || feature.reserves === undefined ? [] : feature.reserves(config);
}

/** The same routes but for those in which secrets have changed. They alone are compiled, and the table stays. */
function renewedRoutes(
  before: CompiledRoutes,
  changes: readonly RenewedRoute[],
  upstreams: ReadonlyMap<string, UpstreamGroup>,
  context: SnapshotContext,
): CompiledRoutes {
  if (changes.length === 0) return before;
  const harmless = harmlessKeys(context.features);
  const renewed = new Map(before.renewed);
  const list = [...before.list];
  const guards = changes.flatMap(({ position, route, keys }) => {
    const taker = before.takers[position];
    if (taker === undefined) throw new Error("a secret has changed in a route that there is not");
    const compiled = compileRoute(route, { position, index: taker.index }, upstreams, withBeside(context, before.beside));
    renewed.set(taker, compiled);
    const inList = compiled.split?.sides ?? [compiled];
    list.splice(taker.index, inList.length, ...inList);
    return { taker, guards: guardsOf(route, harmless), isRenewed: (guard: string) => keys.some((key) => guard.startsWith(`${key}=`)) };
  });
  return { ...before, table: before.table.withGuards(guards), list, renewed };
}

/** A route that has what the configuration says for all routes, and nothing else. */
function routeOfAll(config: ConfigureMessage["config"], features: readonly Feature[]): RouteConfig {
  const values = features
    .map(({ key }): [FeatureKey, unknown] => [key, Reflect.get(config, key)])
    .filter(([, value]) => value !== undefined);
  return { match: {}, ...Object.fromEntries(values.map(([key, value]) => [key, [value]])) };
}

function routesOf(snapshot: Snapshot | null): CompiledRoutes {
  if (snapshot === null) throw new Error("the first configuration came without routes");
  return snapshot.routes;
}

/** The labels of a route in metrics. */
function measured({ name, upstream, countsTokens }: Route): MetricSource["routes"][number] {
  return { name, upstream: upstream?.name ?? "", token_limit: countsTokens ? true : undefined };
}

/**
 * The part of a route that matching needs.
 * @param harmless see {@link harmlessKeys}
 */
export function matchable(route: RouteConfig, harmless: readonly string[]): MatchableRoute {
  return { match: route.match, cors: route.cors, guards: guardsOf(route, harmless) };
}

/** Keys of the features that never refuse a request. */
export function harmlessKeys(features: readonly Feature[]): readonly string[] {
  return features.filter(({ facts }) => !facts.guard).map(({ key }) => key);
}

/** Where a route stands: its position in the file, and that in the metrics (see `Route.index`). */
interface Places {
  readonly position: number;
  readonly index: number;
}

function compileRoute(route: RouteConfig, places: Places, upstreams: ReadonlyMap<string, UpstreamGroup>, context: SnapshotContext): Route {
  // A middleware whose value is the same for all upstreams of the route is made once: it has one state, such as the count of a limit.
  const known: KnownMiddleware = new Map();
  const compiled =
    route.split === undefined
      ? compileSide(route, places, upstreams, context, [], known)
      : compileSplit(route, route.split, places, upstreams, context, known);
  const mirror = compileMirror(route, places, upstreams, context, known);
  if (mirror === null) return compiled;
  const { split } = compiled;
  const sides = split === null ? null : { ...split, sides: split.sides.map((side) => ({ ...side, mirror })) };
  return { ...compiled, mirror, split: sides };
}

function compileSplit(
  route: RouteConfig,
  split: NonNullable<RouteConfig["split"]>,
  { position, index }: Places,
  upstreams: ReadonlyMap<string, UpstreamGroup>,
  context: SnapshotContext,
  known: KnownMiddleware,
): Route {
  const choice = new SplitChoice(route);
  const before = choice.middleware === null ? [] : [choice.middleware];
  const sides = split.map((_, at) =>
    compileSide(routeOfSide(route, at), { position, index: index + at }, upstreams, context, before, known),
  );
  const [first] = sides;
  if (first === undefined) throw new Error("a split has no upstreams");
  return { ...first, upstream: null, hooks: NO_HOOKS, split: { choice, sides } };
}

function compileMirror(
  route: RouteConfig,
  { position }: Places,
  upstreams: ReadonlyMap<string, UpstreamGroup>,
  context: SnapshotContext,
  known: KnownMiddleware,
): Mirror | null {
  const config = route.mirror;
  const upstream = config === undefined ? undefined : upstreams.get(config.upstream);
  if (config === undefined || upstream === undefined) return null;
  const { timeouts: _timeouts, retry: _retry, hold: _hold, max_body: _maxBody, buffer: _buffer, ...sent } = routeOfMirror(route);
  const side = compileSide(sent, { position, index: -1 }, upstreams, context, [MARKING], known);
  return {
    upstream,
    share: config.share,
    bodyBytesMax: config.max_body,
    inFlightMax: config.max_in_flight,
    // Only the hooks for the request that is sent: a copy is admitted with its original, and nobody gets its response.
    route: { ...side, hooks: { ...NO_HOOKS, onUpstreamRequest: side.hooks.onUpstreamRequest } },
  };
}

/** Marks copies, and removes Expect: nothing waits for a 100 (Continue), because the whole body is there already. */
const MARKING: Middleware = {
  name: "mirror",
  onUpstreamRequest: (_exchange, changes) => {
    changes.remove("expect");
    changes.set("X-Mirrored", "true");
  },
};

/** The route as it is for the copies of its requests. */
export function routeOfMirror({ split: _split, ...route }: RouteConfig): RouteConfig {
  if (route.mirror === undefined) return route;
  const { share: _share, max_body: _maxBody, max_in_flight: _inFlight, ...levels } = route.mirror;
  return { ...route, ...levels };
}

/** The route as it is for one of the upstreams of its split. */
export function routeOfSide(route: RouteConfig, position: number): RouteConfig {
  return { ...route, ...route.split?.[position] };
}

function compileSide(
  route: RouteConfig,
  { position, index }: Places,
  upstreams: ReadonlyMap<string, UpstreamGroup>,
  context: SnapshotContext,
  before: readonly Middleware[],
  known?: KnownMiddleware,
): Route {
  const middleware = routeMiddleware(route, position, context.features, context, context.ownMiddleware(position), known);
  return {
    index,
    name: routeLabel(route, position),
    upstream: route.upstream === undefined ? null : (upstreams.get(route.upstream) ?? null),
    split: null,
    mirror: null,
    local: null,
    bodyBytesMax: route.max_body ?? null,
    requestBufferBytes: route.buffer?.request ?? 0,
    policy: routePolicy(route),
    responseBufferBytes: route.buffer?.response ?? 0,
    pathGroups: pathGroupsOf(route, context.compileRegex),
    upgrade: admittedUpgrades(route),
    hooks: hooksOf([...before, ...middleware]),
    accessLog: accessLogOf(route, context),
    countsTokens: route.token_limit !== undefined,
    furtherLogged: furtherLogged(route),
  };
}

/** The access log that the route itself has; null: none. */
function accessLogOf(route: RouteConfig, context: SnapshotContext): AccessLog | null {
  const { access_log: own } = route;
  return own === undefined ? null : new AccessLog(withFurther(own, furtherLogged(route)), context.environment);
}

const NONE: readonly FurtherField[] = [];
const TOKENS: readonly FurtherField[] = ["input_tokens", "output_tokens", "tokens_from"];
const FAULT: readonly FurtherField[] = ["fault"];
const TOKENS_AND_FAULT: readonly FurtherField[] = [...TOKENS, ...FAULT];

/** Always one of the same lists, because snapshots find logs by them. */
function furtherLogged({ token_limit: tokens, validate }: RouteConfig): readonly FurtherField[] {
  if (tokens === undefined) return validate === undefined ? NONE : FAULT;
  return validate === undefined ? TOKENS : TOKENS_AND_FAULT;
}

/** A route that the configuration does not have: the proxy answers. */
function ownRoute(name: string, hooks: RouteHooks, local: () => LocalAnswer): Route {
  return {
    index: -1,
    name,
    upstream: null,
    split: null,
    mirror: null,
    local,
    bodyBytesMax: null,
    requestBufferBytes: 0,
    policy: null,
    responseBufferBytes: 0,
    pathGroups: null,
    upgrade: ADMITTED_BY_DEFAULT,
    hooks,
    accessLog: null,
    countsTokens: false,
    furtherLogged: NONE,
  };
}

/** The middleware for answers where there is no route: the request's id, if the configuration gives one to all requests. */
function ownHooks({ request_id: id }: ConfigureMessage["config"], context: SnapshotContext): RouteHooks {
  return id === undefined ? NO_HOOKS : hooksOf(routeMiddleware({ match: {}, request_id: [id] }, -1, context.features, context));
}
