/** `millrace check`: checks a configuration without starting anything. */
import type { Config } from "../config/schema.ts";
import { routeLabel } from "../config/route-label.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { lowPortProblem } from "../control/low-ports.ts";
import { entriesOf } from "../policy/route/conditions.ts";
import type { RouteConditions } from "../policy/route/conditions.ts";
import { loadConfigFile } from "./config-file.ts";

/**
 * Writes problems and warnings to `err`, one line each. Resolves with 0 after a summary to `out`, or with 1 when the configuration is
 * wrong.
 */
export async function checkCommand(file: string, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const loaded = await loadConfigFile(file, { portProblem: (port) => lowPortProblem(port) });
  for (const line of "config" in loaded ? loaded.warnings : loaded.lines) err(`${line}\n`);
  if (!("config" in loaded)) return 1;
  out([`${file} is fine`, ...summary(loaded.config)].map((line) => `${line}\n`).join(""));
  return 0;
}

function summary(config: Config): string[] {
  const { listeners, upstreams, routes, admin } = config;
  return [
    ...listeners.map(({ address }) => `  listener ${address}`),
    ...Object.entries(upstreams).map(([name, { endpoints, balance, health_check: check }]) => {
      const probes = check === undefined ? "not probed" : check.path === undefined ? "probed by connecting" : `probed at ${check.path}`;
      return `  upstream ${name}: ${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}, ${balance}, ${probes}`;
    }),
    ...routes.map((route, index) => {
      const own = [...config.middleware, ...(route.middleware ?? [])].map(({ use }) => moduleAddress(use).name);
      const features: readonly string[] = [...FEATURES.filter((feature) => route[feature] !== undefined), ...own];
      return `  route ${routeLabel(route, index)}: ${conditions(route)} ${endOf(route)}${features.length === 0 ? "" : `, with ${features.join(", ")}`}`;
    }),
    ...(admin === undefined ? [] : [`  admin ${admin.address}`]),
  ];
}

/** The features in the order in which they act. */
const FEATURES = ["cors", "rate_limit", "authentication", "max_body"] as const;

/** The conditions of a route, in a few words. Values of fields are left out: a proxy in front may send a shared secret in a field. */
function conditions(route: Config["routes"][number]): string {
  const entries = entriesOf(route).map(conditionsOf);
  return entries.length === 1 ? (entries[0] ?? "") : entries.map((entry) => `(${entry})`).join(" or ");
}

function conditionsOf({ host, path, methods, headers = {}, query = {}, client_ip: clients, not }: RouteConditions): string {
  const named = [...Object.entries(headers), ...Object.entries(query).map(([name, value]) => [`?${name}`, value] as const)];
  const parts = [
    methods?.join("|"),
    host?.join("|"),
    path?.join("|"),
    ...named.map(([name, value]) => `${name}: ${value === "*" ? "*" : "..."}`),
    clients === undefined ? undefined : `from ${clients.join("|")}`,
    not === undefined ? undefined : "with exceptions",
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "everything" : parts.join(" ");
}

/** What becomes of the route's requests, in a few words. */
function endOf({ upstream, redirect, respond }: Config["routes"][number]): string {
  if (upstream !== undefined) return `to ${upstream}`;
  return redirect === undefined ? `answered with ${respond?.status ?? 200}` : `redirected with ${redirect.status}`;
}
