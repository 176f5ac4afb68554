/** The configuration of a theme's proxy: an upstream and a route for each row. */
import { LISTENERS } from "./row.ts";
import type { EndpointName, ListenerName, Row } from "./row.ts";
import { ORIGIN_CA } from "./tls-origin.ts";
import { TLS_FILES } from "../support/tls-files.ts";

/** Longer than any row may take: a limit that is not the row's subject never ends it. */
const LONG = `${LISTENERS.patient}ms`;

/** Names in a configuration have 64 characters at most. */
const SLUG_MAX = 55;

/** The row's name as the name of its route and the first segment of its paths. */
export function slug(row: Row, index: number, prefix: string): string {
  const words = row.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${prefix}${index + 1}-${words}`.slice(0, SLUG_MAX).replaceAll(/-+$/g, "");
}

export function endpointUrls(origin: number, second: number, blackHole: number, toTls: boolean): Readonly<Record<EndpointName, string>> {
  const scheme = toTls ? "https" : "http";
  return {
    origin: `${scheme}://127.0.0.1:${origin}`,
    second: `${scheme}://127.0.0.1:${second}`,
    // Ports that no system hands out, and on which nobody listens.
    refused: "http://127.0.0.1:1",
    "refused too": "http://127.0.0.1:2",
    "refused as well": "http://127.0.0.1:3",
    // No TCP connection can go there, and connect says so without sending a packet.
    unroutable: "http://255.255.255.255:80",
    "black hole": `${scheme}://127.0.0.1:${blackHole}`,
    "no name": "http://nothing.test:80",
    "name later": "http://later.test:80",
    "name never": "http://silent.test:80",
    dual: `http://dual.test:${origin}`,
  };
}

/** What differs between the proxies of the themes. */
export interface Kind {
  /** In front of the names of routes and their paths. */
  readonly prefix: string;
  /** The listeners, each named for its limits. */
  readonly listeners: readonly ListenerName[];
  /** Null: the thread of the program that the proxy is embedded in. */
  readonly workers: number | null;
  /** The listeners speak TLS. */
  readonly overTls?: boolean;
  /** The origins speak TLS. */
  readonly toTls?: boolean;
}

export function configOf(
  rows: readonly Row[],
  urls: Readonly<Record<EndpointName, string>>,
  { prefix, listeners, workers, overTls, toTls }: Kind,
): string {
  const upstreams: string[] = [];
  const routes: string[] = [];
  /** The paths of plain requests, by the settings of their upstream. Rows share it, because each scrape has all series of every route. */
  const plain = new Map<string, string[]>();
  for (const [index, row] of rows.entries()) {
    const name = slug(row, index, prefix);
    const limits = new Map([
      ["connect", LONG],
      ["response_head", LONG],
      ["idle", LONG],
      ["tunnel_idle", LONG],
    ]);
    for (const [, key = "", value = ""] of (row.timeouts ?? "").matchAll(/(\w+): *(\w+)/g)) limits.set(key, value);
    const timeouts = [...limits].map(([key, value]) => `${key}: ${value}`).join(", ");
    const endpoints = row.endpoints ?? ["origin"];
    const list = (names: readonly EndpointName[]): string => names.map((name) => `"${urls[name]}"`).join(", ");
    const retries = row.retries === undefined ? "" : `, retries: ${row.retries}`;
    const trust = toTls === true ? `, tls: { ca_file: "${ORIGIN_CA}" }` : "";
    const tls = toTls === true && row.upstreamTls !== undefined ? `, tls: { ${row.upstreamTls} }` : trust;
    upstreams.push(`  ${name}: { endpoints: [${list(endpoints)}], timeouts: { ${timeouts} }${retries}${tls} }`);
    const maxBody = row.maxBody === undefined ? "" : `, max_body: ${row.maxBody}`;
    const keys = row.route === undefined ? "" : `, ${row.route}`;
    const copied = row.mirror === undefined ? "" : `, mirror: { upstream: ${name}-copies }`;
    if (row.mirror !== undefined) upstreams.push(`  ${name}-copies: { endpoints: [${list([row.mirror])}], timeouts: { ${timeouts} } }`);
    const end = endOf(row, name, urls);
    routes.push(`  - { name: ${name}, match: { path: /${name} }, ${end}${maxBody}${keys}${copied} }`);
    // What works of the row, with its limits: pools are shared between upstreams whose endpoint and limits are the same.
    const settings = `endpoints: [${list([endpoints.includes("dual") ? "dual" : "origin"])}], timeouts: { ${timeouts} }${trust}`;
    plain.set(settings, [...(plain.get(settings) ?? []), `/${name}/plain`]);
  }
  for (const [index, [settings, paths]] of [...plain].entries()) {
    upstreams.push(`  plain-${index}: { ${settings} }`);
    routes.push(`  - { name: plain-${index}, match: { path: [${paths.join(", ")}] }, upstream: plain-${index} }`);
  }
  const opened = listeners.map((name) => {
    const ms = LISTENERS[name];
    const tls =
      overTls === true ? `, tls: { certificates: [{ cert_file: "${TLS_FILES.certificate}", key_file: "${TLS_FILES.key}" }] }` : "";
    return `  - { address: "127.0.0.1:0"${tls}, timeouts: { request_head: ${ms}ms, idle: ${ms}ms, keep_alive: ${ms}ms } }`;
  });
  return `
listeners:
${opened.join("\n")}
admin: { address: "127.0.0.1:0" }
${workers === null ? "" : `workers: ${workers}`}
upstreams:
${upstreams.join("\n")}
routes:
${routes.join("\n")}
logging: { level: info, output: stdout, access: true }
`;
}

/** What the requests of the row's route come to. */
function endOf({ end, folder, writesFile }: Row, upstream: string, { origin }: Readonly<Record<EndpointName, string>>): string {
  if (end !== undefined) return typeof end === "string" ? end : end(upstream);
  if (folder === undefined) return `upstream: ${upstream}`;
  const file = writesFile === true ? new URL(origin).port : "file";
  return `rewrite: { path_regex: { from: "^.*$", to: /${file} } }, files: { root: "${folder}" }`;
}
