import type { RouteConfig } from "../config/schema/route-schema.ts";

/** Which exchanges of a route get a line in the access log, where the route says so. */
export function linesOfLog({ access_log: log }: RouteConfig): string[] {
  if (log === undefined) return [];
  if (log === false) return ["access log: no line"];
  const { share = 1, errors = false } = log === true ? {} : (log.sample ?? {});
  if (share === 1) return ["access log: a line for each exchange"];
  return [`access log: a line for ${Number((share * 100).toFixed(6))} % of the exchanges${errors ? ", and for all that fail" : ""}`];
}
