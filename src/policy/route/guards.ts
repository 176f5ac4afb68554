/**
 * A guard is a setting of a route that may keep requests away: a token check, a limit, and every other key that is not known to refuse
 * nobody.
 *
 * Guards decide about paths such as `//api/users`, which some origin servers read as the path `/users` on a host `api`. The route for
 * `/api/*` takes such a request, because it mostly comes of a base URL that ends in a slash, but only if it has every guard of the route
 * that takes `/users` (match.ts). Two equal rate limits count as equal guards although each route counts its own requests: the origin
 * server is asked within the limit of one of the two.
 */

const NO_GUARDS: readonly string[] = ["name", "match", "upstream", "split", "split_by", "mirror", "buffer", "access_log"];

/**
 * The guards of a route of the configuration, each as the text `key=setting`. Guards are equal when their texts are. A text may hold secrets.
 * @param harmless keys of features that refuse no request
 */
export function guardsOf(route: object, harmless: readonly string[]): readonly string[] {
  const guards = Object.entries(route).filter(
    ([key, setting]) => setting !== undefined && !NO_GUARDS.includes(key) && !harmless.includes(key),
  );
  return guards.map(([key, setting]) => `${key}=${JSON.stringify(setting)}`);
}

/** The first of the guards `wanted` that is not among `present`; undefined when all are. */
export function lackingGuard<Guard>(present: readonly Guard[], wanted: readonly Guard[]): Guard | undefined {
  return wanted.find((guard) => !present.includes(guard));
}
