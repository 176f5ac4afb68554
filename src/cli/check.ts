/** `millrace check`: whether a configuration would be accepted, without starting anything. */
import type { Config } from "../config/schema.ts";
import { routeLabel } from "../config/route-label.ts";
import { lowPortProblem } from "../control/low-ports.ts";
import { loadConfigFile } from "./config-file.ts";

/** Problems and warnings go to `err`, one line each; a summary goes to `out` and the exit code is 0, or it is 1. */
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
      const features = FEATURES.filter((feature) => route[feature] !== undefined);
      return `  route ${routeLabel(route, index)}: ${conditions(route)} to ${route.upstream}${features.length === 0 ? "" : `, with ${features.join(", ")}`}`;
    }),
    ...(admin === undefined ? [] : [`  admin ${admin.address}`]),
  ];
}

/** In the order in which they act. */
const FEATURES = ["cors", "rate_limit", "authentication", "max_body"] as const;

/** The values of fields may be secrets that a proxy in front shares with this one. */
function conditions({ match }: Config["routes"][number]): string {
  const { host, path, methods, headers } = match;
  const fields = headers === undefined ? [] : Object.entries(headers).map(([name, value]) => `${name}: ${value === "*" ? "*" : "..."}`);
  const parts = [methods?.join("|"), host?.join("|"), path?.join("|"), ...fields].filter((part) => part !== undefined);
  return parts.length === 0 ? "everything" : parts.join(" ");
}
