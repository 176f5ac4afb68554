/** What several routes say in the same words is said once: at the top, in `defaults`, or in the upstream. */
import { defined } from "../model/conditions.ts";
import type { Keys, RouteDraft, UpstreamDraft, Value } from "../model/draft.ts";

export interface WithCommonKeys {
  readonly routes: readonly RouteDraft[];
  readonly upstreams: readonly UpstreamDraft[];
  /** For the top of the configuration. */
  readonly keys: Keys;
}

/** Each route says its `max_body`, `rewrite_location`, `error_pages`, `compression` and `timeouts`, as far as there are any. */
export function withCommonKeys(given: readonly RouteDraft[], upstreams: readonly UpstreamDraft[]): WithCommonKeys {
  const limit = commonLimit(given.flatMap(({ keys }) => keys["max_body"] ?? []));
  const isRewritten = given.some(({ keys }) => keys["rewrite_location"] === true);
  const pages = given.flatMap(({ keys }) => keys["error_pages"] ?? []);
  const common = pages.every((each) => JSON.stringify(each) === JSON.stringify(pages[0])) ? pages[0] : undefined;
  const compression = commonCompression(given);
  const timeouts = new Map(upstreams.map(({ name }) => [name, commonTimeouts(name, given)]));
  const routes = given.map(({ keys, ...route }) => {
    const { max_body: size, rewrite_location: location, timeouts: limits } = keys;
    const own: Record<string, Value | undefined> = { ...keys };
    if (size === limit || (size === false && limit === undefined)) own["max_body"] = undefined;
    if (compression !== undefined) own["compression"] = undefined;
    if (location === true || (location === false && !isRewritten)) own["rewrite_location"] = undefined;
    if (keys["error_pages"] === false || common !== undefined) own["error_pages"] = undefined;
    const upstream = keys["upstream"];
    if (limits !== undefined && typeof upstream === "string" && timeouts.get(upstream) !== undefined) own["timeouts"] = undefined;
    return { ...route, keys: defined(own) };
  });
  return {
    routes,
    upstreams: upstreams.map((upstream) => {
      const common = timeouts.get(upstream.name);
      return common === undefined
        ? upstream
        : { ...upstream, keys: { ...upstream.keys, timeouts: { ...objectOf(upstream.keys["timeouts"]), ...common } } };
    }),
    keys: defined({
      defaults: limit === undefined && compression === undefined ? undefined : { routes: defined({ max_body: limit, compression }) },
      rewrite_location: isRewritten ? true : undefined,
      error_pages: common === false ? undefined : common,
    }),
  };
}

/** The limit that most routes have. */
function commonLimit(limits: readonly Value[]): Value | undefined {
  const sizes = limits.filter((limit) => limit !== false);
  const counts = new Map<Value, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** What all routes that pass on or send files have; undefined: they differ. */
function commonCompression(routes: readonly RouteDraft[]): Value | undefined {
  const [first, ...others] = routes.filter(({ keys }) => keys["upstream"] !== undefined || keys["files"] !== undefined);
  const common = first?.keys["compression"];
  return others.length > 0 && others.every(({ keys }) => JSON.stringify(keys["compression"]) === JSON.stringify(common))
    ? common
    : undefined;
}

/** The time limits that all routes to the upstream have; undefined: they differ. */
function commonTimeouts(name: string, routes: readonly RouteDraft[]): Keys | undefined {
  const found = routes.filter(({ keys }) => keys["upstream"] === name).map(({ keys }) => keys["timeouts"]);
  const [first] = found;
  return first !== undefined && found.every((each) => JSON.stringify(each) === JSON.stringify(first)) ? objectOf(first) : undefined;
}

function objectOf(value: Value | undefined): Keys {
  return typeof value === "object" && !Array.isArray(value) ? (value as Keys) : {};
}
