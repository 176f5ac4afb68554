/**
 * What of a route keeps requests away: a token check, limits, and whatever else a route may have. Only what is known to refuse nobody
 * is left out.
 *
 * An origin may read `//api/users` as `/users` of a host `api`. The route of `/api/*` takes such a request all the same, for it mostly
 * comes of a base URL that ends in a slash, but only if it has every guard of the route that takes `/users` (match.ts). An equal limit is
 * an equal guard, although each route counts for itself: such an origin is asked within the limit of one of the two.
 */

const NO_GUARDS: readonly string[] = ["name", "match", "upstream"];

/**
 * `key=setting` for each guard of a route as the configuration gives it; equal texts are equal guards. May hold secrets.
 * @param harmless keys of features that keep no request away
 */
export function guardsOf(route: object, harmless: readonly string[]): readonly string[] {
  const guards = Object.entries(route).filter(
    ([key, setting]) => setting !== undefined && !NO_GUARDS.includes(key) && !harmless.includes(key),
  );
  return guards.map(([key, setting]) => `${key}=${JSON.stringify(setting)}`);
}

/** The first guard that is wanted and not there. */
export function lackingGuard<Guard>(there: readonly Guard[], wanted: readonly Guard[]): Guard | undefined {
  return wanted.find((guard) => !there.includes(guard));
}
