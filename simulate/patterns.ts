/**
 * Routes with regular expressions, drawn from a number, and a model of them: which route takes a request, and what comes of it. The model matches with
 * the language's own expressions and writes canonical paths before it spells them, so that it shares no code with the proxy.
 */
import type { RequestHead } from "../src/http/request-head.ts";
import type { ResponseHead } from "../src/http/response-head.ts";
import { faultOfFields } from "./fields.ts";
import { Draw, seedOf } from "./draw.ts";
import type { RequestPlan } from "./plan.ts";
import { REWRITES, drawCondition } from "./pattern-parts.ts";
import type { Condition, Pattern, PatternRewrite } from "./pattern-parts.ts";

/** The path of a request to these routes. */
export interface PatternPath {
  /** Which of the sets of routes the run has. */
  readonly set: number;
  /** As the client spells it. */
  readonly spelled: string;
  /** The segments in canonical form. */
  readonly segments: readonly string[];
  /** With its question mark; "" for none. */
  readonly query: string;
}

/** How many sets of routes there are. Few, because a configuration takes longer to be read than many requests. */
export const PATTERN_SETS = 8;
/** First segments of paths. No other route of the simulation begins with these letters. */
const TOPS = ["u", "ux", "uxy", "v", "vx"] as const;
/** Segments in canonical form. */
const WORDS = ["a", "b", "ab", "aab", "aa", "a b", "a.b", "b-1", "%C3%A4", "AB"] as const;
const HOST = "sim.test";

interface PatternRoute {
  readonly name: string;
  readonly variant: number;
  /** One of them is enough. */
  readonly match: readonly Condition[];
  readonly action: "upstream" | "redirect" | "respond";
  readonly upstream: "a" | "b";
  readonly strip: string | null;
  readonly add: string;
  readonly rewrite: PatternRewrite | null;
  /** Groups that values of the route name. */
  readonly groups: readonly string[];
}

/** What must come of a request. Null: no route takes it. */
interface Course {
  readonly route: PatternRoute;
  /** The path with which it comes to an endpoint; null: it is refused. */
  readonly path: string | null;
  /** The prefix that is taken off; "": none. */
  readonly taken: string;
  /** The groups' texts, in one text. */
  readonly groups: string;
}

// ---- what is drawn ----------------------------------------------------------------------------------------------------

export function drawPatternPath(draw: Draw, set: number, id: number): PatternPath {
  const words = Array.from({ length: draw.between(0, 2) }, () => draw.pick(...WORDS));
  const top = draw.pick(...TOPS);
  const isPlain = draw.oneIn(3);
  const spell = (segment: string): string => (isPlain ? segment.replaceAll(" ", "%20") : spelled(draw, segment));
  const between = (): string => (!isPlain && draw.oneIn(10) ? "//" : "/");
  return {
    set,
    spelled: `/${spell(top)}${words.map((word) => between() + spell(word)).join("")}${between()}${id}`,
    segments: [top, ...words, String(id)],
    query: draw.oneIn(4) ? `?q=${id}&a=/b` : "",
  };
}

/** A segment with some characters escaped, and perhaps with a parameter. */
function spelled(draw: Draw, segment: string): string {
  const text = segment.replace(/%..|./g, (character) => {
    if (character.length > 1) return draw.oneIn(2) ? character.toLowerCase() : character;
    if (character !== " " && !draw.oneIn(8)) return character;
    const hex = character.charCodeAt(0).toString(16);
    return `%${draw.oneIn(2) ? hex : hex.toUpperCase()}`;
  });
  return draw.oneIn(12) ? `${text};v=1` : text;
}

const sets: Map<number, readonly PatternRoute[]> = new Map();

/** The routes of that set in the configuration of that variant, in the order of the file. Those after the first `early` come after all other routes. */
function routesOf(set: number, variant: number): readonly PatternRoute[] {
  const key = set * 3 + variant;
  let routes = sets.get(key);
  if (routes === undefined) sets.set(key, (routes = drawRoutes(new Draw(seedOf(-7001, key)), variant)));
  return routes;
}

function drawRoutes(draw: Draw, variant: number): readonly PatternRoute[] {
  const count = draw.between(5, 9);
  return Array.from({ length: count }, (_, index): PatternRoute => {
    const isLate = index >= count - 2;
    const match = Array.from({ length: draw.oneIn(3) ? 2 : 1 }, () => drawCondition(draw, TOPS, isLate));
    const groups = [...new Set(match.flatMap(({ pattern }) => pattern?.groups ?? []))];
    return {
      name: `${isLate ? "late" : "p"}${index}`,
      variant,
      match,
      action: draw.pick("upstream", "upstream", "upstream", "redirect", "respond"),
      upstream: draw.pick("a", "b"),
      strip: draw.oneIn(3) ? draw.pick(...TOPS) : null,
      add: draw.oneIn(4) ? "/add" : "",
      rewrite: draw.oneIn(2) ? draw.pick(...REWRITES) : null,
      groups,
    };
  });
}

// ---- as a configuration -----------------------------------------------------------------------------------------------

/**
 * The routes of that set as lines of YAML.
 * @param isLate those that stand after all other routes: their patterns may begin anywhere in a path
 * @param held further keys of the routes whose requests come to endpoints
 */
export function patternRoutes(set: number, variant: number, isLate: boolean, held: string): string[] {
  return routesOf(set, variant)
    .filter(({ name }) => name.startsWith("late") === isLate)
    .map((route) => {
      const text = JSON.stringify(configOf(route));
      return `  - ${text.slice(0, -1)}${route.action === "upstream" ? held : ""}}`;
    });
}

function configOf(route: PatternRoute): object {
  const { name, match, action, upstream, strip, add, rewrite } = route;
  const values = groupsText(route, (group) => `{match.${group}}`);
  const common = { name, match: match.map(({ config }) => config) };
  if (action === "redirect") return { ...common, redirect: { to: `https://{host}/to/${values}?by={header.X-Request}` } };
  if (action === "respond") return { ...common, respond: { body: `${values} by {header.X-Request} on ${labelOf(route)}` } };
  const rewriting = {
    ...(strip === null ? {} : { strip_prefix: `/${strip}` }),
    ...(add === "" ? {} : { add_prefix: add }),
    ...(rewrite === null ? {} : { path_regex: { from: rewrite.from, to: rewrite.to } }),
  };
  return {
    ...common,
    upstream,
    ...(Object.keys(rewriting).length === 0 ? {} : { rewrite: rewriting }),
    request_headers: { set: { "X-Route": labelOf(route), "X-Groups": `-${values}-` } },
    response_headers: { set: { "X-Route": labelOf(route), "X-Groups": `-${values}-` } },
  };
}

function labelOf({ name, variant }: PatternRoute): string {
  return `${name}.${variant}`;
}

function groupsText({ groups }: PatternRoute, valueOf: (group: string) => string): string {
  return groups.map((group) => `${group}=${valueOf(group)}`).join("-");
}

// ---- the model --------------------------------------------------------------------------------------------------------

function courseOf({ path, method }: RequestPlan, variant: number): Course | null {
  if (path === null) return null;
  const canonical = `/${path.segments.join("/")}`;
  for (const route of routesOf(path.set, variant)) {
    const taker = route.match.find((condition) => holds(condition, canonical, method));
    if (taker === undefined) continue;
    const found = taker.pattern === null ? null : expressionOf(taker.pattern).exec(canonical);
    const groups = groupsText(route, (group) => (/^[0-9]/.test(group) ? found?.[Number(group)] : found?.groups?.[group]) ?? "");
    return { route, groups, ...rewritten(route, path) };
  }
  return null;
}

function holds({ host, beginning, pattern, methods, except }: Condition, canonical: string, method: string): boolean {
  if (host !== null && host !== HOST) return false;
  if (beginning !== null && !canonical.startsWith(`${beginning}/`)) return false;
  if (methods !== null && !methods.includes(method === "HEAD" ? "GET" : method)) return false;
  if (pattern !== null && !expressionOf(pattern).test(canonical)) return false;
  return except === null || !expressionOf(except).test(canonical);
}

const expressions: WeakMap<Pattern, RegExp> = new WeakMap();

function expressionOf(pattern: Pattern): RegExp {
  let expression = expressions.get(pattern);
  if (expression === undefined) expressions.set(pattern, (expression = new RegExp(pattern.own, pattern.flags)));
  return expression;
}

function rewritten({ strip, add, rewrite }: PatternRoute, { spelled: whole, segments }: PatternPath): Pick<Course, "path" | "taken"> {
  const isTaken = strip !== null && strip === segments[0];
  // The first segment ends at the first slash after it: no path is spelled with two slashes at its beginning.
  const left = isTaken ? whole.slice(whole.indexOf("/", 1)).replace(/^\/+/, "/") : whole;
  const taken = isTaken ? `/${strip}` : "";
  const canonical = `${add}/${segments.slice(isTaken ? 1 : 0).join("/")}`;
  if (rewrite === null || !new RegExp(rewrite.ownFrom, rewrite.flags).test(canonical)) return { path: add + left, taken };
  const made = canonical.replace(new RegExp(rewrite.ownFrom, `${rewrite.flags}g`), rewrite.ownTo);
  const path = escaped(`/${made}`.replace(/^\/+/, "/"));
  return { path: path.split("/").some((segment) => segment === "." || segment === "..") ? null : path, taken };
}

/** As it stands in a URL. */
function escaped(text: string): string {
  return text.replace(/[ "<>^`{|}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

// ---- what must hold ---------------------------------------------------------------------------------------------------

/** The paths with which the request may come to an endpoint. */
export function patternPathsOf(request: RequestPlan): readonly string[] {
  return [0, 1, 2].flatMap((variant) => courseOf(request, variant)?.path ?? []);
}

/** What is wrong with the head of a request that came to an endpoint, in words; null if nothing. @param variants those that it may have begun under */
export function faultOfPatternRequest(head: RequestHead, request: RequestPlan, variants: readonly number[]): string | null {
  if (request.path === null) return null;
  const course = saidCourse(head.get("x-route"), request, variants);
  if (typeof course === "string") return course;
  if (course.path === null) return "has a path that is to be refused";
  const target = course.path + request.path.query;
  if (head.target !== target) return `has the target ${head.target} and not ${target}`;
  return faultOfFields(head, [
    ["x-groups", `-${course.groups}-`],
    ["x-forwarded-prefix", course.taken === "" ? undefined : course.taken],
  ]);
}

/** What is wrong with the head of a response, in words; null if nothing. @param isOwn whether it is an answer of the proxy's own */
export function faultOfPatternResponse(
  head: ResponseHead,
  request: RequestPlan,
  variants: readonly number[],
  isOwn: boolean,
): string | null {
  if (request.path === null) return null;
  if (isOwn) {
    if (head.status !== 307) return null;
    const expected = variants.map((variant) => locationOf(request, variant));
    const location = head.values("location").join(" | ");
    return expected.includes(location) ? null : `the location is ${location} and not ${expected.join(" or ")}`;
  }
  const course = saidCourse(head.get("x-route"), request, variants);
  if (typeof course === "string") return course;
  return faultOfFields(head, [
    ["x-path", course.path ?? undefined],
    ["x-groups", `-${course.groups}-`],
  ]);
}

/** The texts that a route may answer the request with; empty: none does. */
export function patternTexts(request: RequestPlan, variants: readonly number[]): readonly string[] {
  return variants.flatMap((variant) => {
    const course = courseOf(request, variant);
    return course?.route.action === "respond" ? [`${course.groups} by ${request.id} on ${labelOf(course.route)}`] : [];
  });
}

function locationOf(request: RequestPlan, variant: number): string {
  const course = courseOf(request, variant);
  return course?.route.action === "redirect" ? `https://${HOST}/to/${escaped(course.groups)}?by=${request.id}` : "none";
}

/** The course of the request on the route that a field names; in words what is wrong with that route. */
function saidCourse(said: string | undefined, request: RequestPlan, variants: readonly number[]): Course | string {
  const variant = Number(said?.split(".")[1] ?? -1);
  if (!variants.includes(variant)) return `is on route ${said}, and the configurations are ${variants.join()}`;
  const course = courseOf(request, variant);
  if (course !== null && labelOf(course.route) === said && course.route.action === "upstream") return course;
  return `is on route ${said} and not on ${course === null ? "none" : labelOf(course.route)}`;
}

/** What is wrong with the route and outcome that an exchange was logged with, in words; null if nothing. */
export function faultOfPatternEnd(outcome: string, route: string, request: RequestPlan, variants: readonly number[]): string | null {
  if (request.path === null) return outcome === "no_route" ? "and there is a route" : null;
  const isRefusedFirst = route === "" && outcome !== "no_route";
  if (isRefusedFirst) return null;
  const courses = variants.map((variant) => courseOf(request, variant)).filter((course) => (course?.route.name ?? "") === route);
  if (courses.length === 0) return "which is not the route that takes it";
  if (outcome === "bad_rewritten_path") return courses.some((course) => course?.path === null) ? null : "and its path may pass";
  if (outcome !== "redirect" && outcome !== "respond") return null;
  return courses.some((course) => course?.route.action === outcome) ? null : "which is not what the route is for";
}
