/** Puts in words what the proxy would do with a request: for `millrace explain`, and for `explain` of a proxy within a program. */
import { routeLabel } from "../config/checks/route-label.ts";
import type { Environment } from "../config/replacements.ts";
import type { Config } from "../config/schema/schema.ts";
import type { FeatureKey } from "../features/declared.ts";
import { FEATURES } from "../features/features.ts";
import { connectionOptions } from "../http/connection-options.ts";
import type { RequestHead } from "../http/request-head.ts";
import { reasonPhrase } from "../http/status.ts";
import { ADMITTED_BY_DEFAULT } from "../http/upgrade.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { entriesOf } from "../policy/route/conditions.ts";
import { explainRoutes } from "../policy/route/explain.ts";
import { normalizePath } from "../policy/route/normalize-path.ts";
import { actingOrder } from "../proxy/feature/acting-order.ts";
import type { Feature } from "../proxy/feature/feature.ts";
import { admittedUpgrades } from "../proxy/route-policy.ts";
import { harmlessKeys, matchable } from "../proxy/snapshot.ts";
import { formatSize } from "../base/size.ts";
import { shownShare } from "./explained-split.ts";
import { boundsOfBodies, boundsOfTime } from "./explained-bounds.ts";
import { linesOfLog } from "./explained-log.ts";
import type { ExplainedRoute, Explanation } from "./explained.ts";
import { DISK, Explainer } from "./explainer.ts";
import type { Course, Refused, Sent, TakenRoute } from "./explainer.ts";
import type { KeySetOf } from "./read-credential-files.ts";
import type { ExplainedRequest } from "./read-request.ts";
import { hiddenValues, shownFieldLine, shownTarget } from "./shown-request.ts";

export type { ExplainedRequest } from "./read-request.ts";

/**
 * Explains the request for a client that is no trusted proxy. A string says what is wrong with what was
 * given.
 * @param environment the variables that the configuration may name; their values are not shown
 * @param keySetOf gives the key sets of key servers; absent: tokens that need one cannot be verified
 */
export async function explain(
  config: Config,
  given: ExplainedRequest,
  environment: Environment,
  keySetOf?: KeySetOf,
): Promise<Explanation | string> {
  const explainer = await Explainer.of(config, hiddenValues(environment), { ...DISK, keySetOf });
  const course = await explainer.courseOf(given);
  return typeof course === "string" ? course : inWords(explainer, course);
}

function inWords(explainer: Explainer, course: Course): Explanation {
  const { config } = explainer;
  const { request, route: taken, end } = course;
  const routes = request === null ? [] : explainedRoutes(explainer, request, course);
  const route = taken === null ? null : (routes[taken.position] ?? null);
  const endpoints = end.kind === "upstream" ? (config.upstreams[end.upstream]?.endpoints ?? []) : [];
  const middleware = taken === null ? [] : namesOfMiddleware(config, taken);
  const sections = [
    request === null ? [] : headline(request),
    // Where the proxy answers before it looks for a route, or instead, no route is to blame.
    taken === null && !isUntaken(course) ? [] : routeLines(routes),
    taken === null
      ? []
      : [
          ...middlewareLines(config, taken, middleware),
          ...course.asked.map((name) => `asked whether the client may come in: ${name}; what follows is for an answer that lets it in`),
          ...boundsOfBodies(taken.config),
          ...linesOfLog(taken.config),
        ],
    ...endLines(explainer, course, taken),
  ];
  return {
    route,
    routes: taken === null && !isUntaken(course) ? [] : routes,
    middleware,
    upstream: end.kind === "upstream" ? end.upstream : null,
    split: taken?.split?.sides ?? [],
    endpoints: endpoints.map(({ url, weight }) => ({ url, weight })),
    status: end.kind === "upstream" ? null : end.kind === "file" ? 200 : end.answer.status,
    lines: sections.filter((section) => section.length > 0).flatMap((section, at) => (at === 0 ? section : ["", ...section])),
  };
}

/** Whether the routes were asked and none takes the request. */
function isUntaken({ route, request, end }: Course): boolean {
  return route === null && request !== null && end.kind === "answer" && ["no_route", "bad_path"].includes(end.answer.reason);
}

function headline(request: RequestHead): string[] {
  const path = normalizePath(request.path);
  const host = `  (host ${request.host === "" ? "not given" : request.host})`;
  return [
    `${request.method} ${shownTarget(request.forwardTarget)}${host}`,
    ...(path === null || path === request.path ? [] : ["", `matched as ${path}`]),
  ];
}

// ---- the routes -----------------------------------------------------------------------------------------------------

function explainedRoutes({ config, compileRegex }: Explainer, request: RequestHead, { client, certificate }: Course): ExplainedRoute[] {
  const path = normalizePath(request.path);
  if (path === null) return [];
  const labelOf = (index: number): string => routeLabel(config.routes[index] ?? {}, index);
  const matched = config.routes.map((each) => matchable(each, harmlessKeys(FEATURES)));
  const explained = explainRoutes(matched, request, path, client, labelOf, compileRegex, certificate);
  return explained.map((each) => ({ ...each, label: labelOf(each.index) }));
}

function routeLines(routes: readonly ExplainedRoute[]): string[] {
  if (routes.length === 0) return [];
  return ["routes:", ...routes.map(({ matched, label, why }) => `  ${matched ? "takes it " : "no       "} ${label}: ${why}`)];
}

/** The names of the route's middleware, in the order in which they act (see `routeMiddleware`). */
function namesOfMiddleware(config: Config, { config: route }: TakenRoute): string[] {
  const there = FEATURES.filter(({ key }) => route[key] !== undefined);
  const { first, second, third, last } = actingOrder(there);
  const names = (features: readonly Feature[]): string[] => features.map(({ name }) => name);
  return [
    ...names(first),
    ...there.flatMap((feature) => nameForKnown(feature, route)),
    ...names(second),
    ...namesOfOwn(config, route),
    ...names(third),
    ...names(last),
  ];
}

function nameForKnown<Key extends FeatureKey>({ key, forKnown }: Feature<Key>, route: TakenRoute["config"]): string[] {
  const value = route[key];
  return forKnown !== undefined && value !== undefined && forKnown.isIn(value) ? [forKnown.name] : [];
}

function namesOfOwn(config: Config, route: TakenRoute["config"]): string[] {
  return [...config.middleware, ...(route.middleware ?? [])].map(({ use }) => nameOf(use));
}

function middlewareLines(config: Config, { config: route }: TakenRoute, names: readonly string[]): string[] {
  const own = namesOfOwn(config, route);
  return [
    `middleware, in order: ${names.length === 0 ? "none" : names.join(", ")}`,
    ...(own.length === 0 ? [] : [`not run here, and may change what follows: ${own.join(", ")}`]),
  ];
}

/** The name of a middleware; of one whose module is loaded without a check, the module. */
function nameOf(use: string): string {
  const { name, url } = moduleAddress(use);
  return name === "" ? url : name;
}

// ---- what becomes of the request ------------------------------------------------------------------------------------

function endLines(explainer: Explainer, { request, client, end }: Course, taken: TakenRoute | null): string[][] {
  if (end.kind === "answer") return answerLines(explainer, end, taken === null ? request : null);
  if (end.kind === "file") return [[`files: answered with 200, the file ${end.name}`]];
  return upstreamLines(explainer, end, taken, request, client);
}

/** @param early the request, where there is no route of the configuration; else null */
function answerLines(explainer: Explainer, { answer, by, lines }: Refused, early: RequestHead | null): string[][] {
  const compared = comparedNames(explainer.config);
  const status = `HTTP/1.1 ${answer.status} ${reasonPhrase(answer.status)}`;
  const fields = lines.split("\r\n").filter((line) => line !== "" && !/^(?:date|content-length):/i.test(line));
  return [
    ["answer:", `  ${status}`.trimEnd(), ...fields.map((line) => `  ${shownFieldLine(line, compared)}`)],
    [`${by === "" ? "" : `${by}: `}${why(answer, explainer, early)}`],
  ];
}

function why(answer: Refused["answer"], { config }: Explainer, early: RequestHead | null): string {
  const { status, reason, detail, fields } = answer;
  if (early !== null && reason === "status") return `answered by the proxy itself: ${config.status_path} is its status page`;
  if (early !== null && reason === "redirect_to_https") return "answered by the listener itself: redirect_to_https";
  if (early !== null && reason === "no_route") return "answered with 404: no route takes it";
  if (early !== null && reason === "bad_path" && normalizePath(early.path) !== null)
    return "refused with 400: origins may read the path differently";
  const [, location] = fields.find(([name]) => name === "Location") ?? [];
  const where = location === undefined ? "" : `, Location: ${shownTarget(location)}`;
  const said = answer.why ?? detail;
  return `${status < 400 ? "answered" : "refused"} with ${status}${where}${said === "" ? "" : `: ${said}`}`;
}

/** @param version of the PROXY protocol; undefined: endpoints are not told of clients */
function headerLine(version: string | undefined): string[] {
  return version === undefined ? [] : [`  each connection begins with a PROXY header (${version}), and serves one client`];
}

function upstreamLines(
  { config }: Explainer,
  { upstream: name, head, upgrade }: Sent,
  taken: TakenRoute | null,
  request: RequestHead | null,
  client: string,
): string[][] {
  const upstream = config.upstreams[name];
  const compared = comparedNames(config);
  const endpoints = (upstream?.endpoints ?? []).map(({ url, weight }) => `  ${url}${weight === 1 ? "" : ` weight ${weight}`}`);
  const admitted = taken === null ? ADMITTED_BY_DEFAULT : admittedUpgrades(taken.config);
  const isNotTakenUp = request !== null && upgrade === "" && connectionOptions(request).upgrade;
  return [
    (taken?.split?.lines ?? []).filter((line) => line !== ""),
    [`upstream ${name} (${upstream?.balance ?? ""}):`, ...endpoints, ...headerLine(upstream?.proxy_protocol)],
    taken === null ? [] : boundsOfTime(taken.config),
    [
      `request that would be sent (for a client at ${client}):`,
      ...head
        .trimEnd()
        .split("\r\n")
        .map((line) => `  ${shownFieldLine(line, compared)}`),
    ],
    upgrade === "" ? [] : [`after a 101 of the endpoint the connection is a tunnel (${upgrade})`],
    isNotTakenUp ? [notTakenUp(admitted)] : [],
    taken?.config.mirror === undefined || upgrade !== "" ? [] : [copied(taken.config.mirror)],
  ];
}

function copied({ upstream, share, max_body: bytesMax }: NonNullable<TakenRoute["config"]["mirror"]>): string {
  const which = share === 1 ? "a copy" : `a copy, of ${shownShare(share)} of the requests,`;
  return `mirror: ${which} would be sent to ${upstream} as well, if the body has at most ${formatSize(bytesMax)}`;
}

function notTakenUp(admitted: readonly string[]): string {
  const what = admitted.length === 0 ? "its route admits no other protocol" : `its route admits ${admitted.join(", ")}`;
  return `the request goes without Upgrade: it asks for no protocol that may be switched to (${what})`;
}

/** Lower-case names of the fields that routes compare with values of the configuration. */
function comparedNames({ routes }: Config): ReadonlySet<string> {
  return new Set(
    routes.flatMap((each) => entriesOf(each).flatMap(({ headers = {} }) => Object.keys(headers).map((name) => name.toLowerCase()))),
  );
}
