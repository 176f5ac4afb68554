/** The configurations of a run. Each reload brings the next one, and after the last one the first again. */
import type { Located, LocatedMap } from "../src/config/document/document.ts";
import { readYaml } from "../src/config/document/read-yaml.ts";
import { checkConfig } from "../src/config/load.ts";
import type { Config } from "../src/config/schema/schema.ts";
import { editRoutes } from "./edits.ts";
import { identityRoutes } from "./identities.ts";
import { introducedListener } from "./introductions.ts";
import { logging, routeLogging } from "./log-lines.ts";
import { requestIdOf } from "./request-ids.ts";
import { patternRoutes } from "./patterns.ts";
import { LISTENERS, ORIGINS, SMALL_BODY_MAX, TOKENS } from "./plan.ts";
import type { Parts } from "./plan.ts";
import { TURNS } from "./run-seed.ts";
import { COPY_BYTES_MAX } from "./shadow.ts";

/** How many configurations a run has. */
export const CONFIGS = 3;
/** The rate limit of the route `limited`. It is the same in all configurations, because a client's allowance outlives a reload. */
export const RATE = { perSecond: 4, burst: 3 } as const;
/** The requests that may be under way on the route `all`, and that may wait; the same in all configurations, too. */
export const AT_ONCE = { max: 3, queue: 3, timeoutMs: 900 } as const;
/** What clients get of the route `paged` in the place of an error. */
export const PAGE = "<h1>{error.status}</h1>";
/** Longer than any time limit of any configuration. */
export const LIMITS_MS_MAX = 12_000;

/** Which of the three a configuration is. */
const variants: WeakMap<Config, number> = new WeakMap();
/** By their texts, those that were made. */
const made: Map<string, Config> = new Map();
/** All that take turns have room. */
const MADE_MAX = CONFIGS * TURNS;

/** That configuration of a run with these parts. It is made when it is first needed, because reading one takes as long as some ten exchanges. */
export function configAt(parts: Parts, variant: number): Config {
  const text = textOf(parts, variant);
  let config = made.get(text);
  if (config === undefined) {
    const [oldest = ""] = made.size < MADE_MAX ? [] : made.keys();
    made.delete(oldest);
    made.set(text, (config = configOf(text)));
  }
  variants.set(config, variant);
  return config;
}

/** What routes hold of bodies, by the variant of the configuration: little, nothing in one direction, and more than there is memory for. */
const BUFFERS = ["{ request: 20KiB, response: 100KiB }", "{ response: 10KiB }", "{ request: 256KiB, response: 1MiB }"] as const;
const MEMORY = ["64MiB", "64MiB", "300KiB"] as const;

function textOf(parts: Parts, variant: number): string {
  const copied = parts.mirrors
    ? `, mirror: { upstream: shadow, share: ${variant === 2 ? 100 : 60}%, max_body: ${COPY_BYTES_MAX}, max_in_flight: ${variant === 1 ? 2 : 20} }`
    : "";
  const held = `${parts.buffers ? `, buffer: ${BUFFERS[variant]}` : ""}${copied}`;
  const log = (route: string): string => routeLogging(parts.logged, route, variant);
  return [
    ...listeners(parts, variant),
    "workers: 1",
    logging(parts.logged, variant),
    ...(parts.buffers ? [`limits: { buffered_bytes: ${MEMORY[variant]} }`] : []),
    ...upstreams(parts, variant),
    "routes:",
    ...(parts.patterns > 0 ? patternRoutes(parts.patterns, variant, false, held) : []),
    // One configuration has another route, so that routes are compiled anew.
    ...(variant === 2 ? [`  - { match: { path: "/never/*" }, upstream: b }`] : []),
    `  - { match: { path: "/a/*" }, upstream: a${held}${log("a")}${requestIdOf(parts.logged, "a", variant)} }`,
    `  - { match: { path: "/b/*" }, upstream: b${held}${log("b")} }`,
    `  - { match: { path: "/small/*" }, upstream: a, max_body: ${SMALL_BODY_MAX}${held}${log("small")} }`,
    ...(parts.middleware ? featureRoutes(variant, held) : []),
    ...(parts.edits ? editRoutes(variant, held) : []),
    ...(parts.identified ? identityRoutes(variant, held) : []),
    ...(parts.patterns > 0 ? patternRoutes(parts.patterns, variant, true, held) : []),
  ].join("\n");
}

function configOf(text: string): Config {
  const result = checkConfig(treeOf(text), "simulation", {}, () => "");
  if ("problems" in result) throw new Error(result.problems.map(({ message }) => message).join("\n"));
  return result.config;
}

/** By their texts, the lines that were read, each with the name of its section before it. */
const lines: Map<string, LocatedMap> = new Map();

/**
 * What the text says. Each line of it is a key, or an entry of the section whose name stands alone on a line before. Configurations have most lines in
 * common, and each is read once.
 */
function treeOf(text: string): LocatedMap {
  let tree: LocatedMap | null = null;
  let section = "";
  for (const line of text.split("\n")) {
    if (!line.startsWith(" ")) section = line.endsWith(":") ? `${line}\n` : "";
    if (`${line}\n` === section) continue;
    const said = lineOf(section + line);
    tree = tree === null ? said : joined(tree, said);
  }
  if (tree === null) throw new Error("a configuration says nothing");
  return tree;
}

function lineOf(text: string): LocatedMap {
  let line = lines.get(text);
  if (line === undefined) {
    const { root, faults } = readYaml(text);
    if (root === undefined || faults.length > 0) throw new Error(`${text} is no YAML: ${faults.map(({ message }) => message).join(", ")}`);
    lines.set(text, (line = root));
  }
  return line;
}

/** Both mappings as one. Of a key that both have, the mappings or lists below it are joined. */
function joined(one: LocatedMap, other: LocatedMap): LocatedMap {
  const entries = new Map(one.entries);
  for (const [key, entry] of other.entries) {
    const before = entries.get(key)?.value;
    entries.set(key, before === undefined ? entry : { ...entry, value: joinedBelow(before, entry.value) });
  }
  return { ...one, entries };
}

function joinedBelow(one: Located, other: Located): Located {
  if (one.kind === "map" && other.kind === "map") return joined(one, other);
  if (one.kind === "list" && other.kind === "list") return { ...one, items: [...one.items, ...other.items] };
  throw new Error("a configuration says something twice");
}

/** 0, 1 or 2. */
export function variantOf(config: Config): number {
  return variants.get(config) ?? 0;
}

export function listenerAt(listeners: Config["listeners"], address: string): Config["listeners"][number] | undefined {
  return listeners.find((listener) => listener.address === address);
}

const [PLAIN, FEW, FIRST, SECOND] = LISTENERS;

/** Three listeners: one that stays nearly the same, one with low limits, and one that a reload replaces by another. */
function listeners(parts: Parts, variant: number): string[] {
  const { keys, timeout } = parts.introduced ? introducedListener(variant) : { keys: "", timeout: "" };
  const plain = `  - { address: "${PLAIN}"${keys}, timeouts: { request_head: 3s, idle: 4s, keep_alive: 5s, half_closed: 2s${timeout} } }`;
  if (!parts.listeners) return ["listeners:", plain];
  const few =
    variant === 0
      ? "{ connections: 12, connections_per_client: 4, requests_per_connection: 6, pipelined_requests: 4 }"
      : "{ connections: 8, connections_per_client: 3, requests_per_connection: 3, pipelined_requests: 2 }";
  return [
    variant === 0 ? "trusted_proxies: [10.0.0.0/8]" : "trusted_proxies: [10.0.0.1, 192.0.2.2]",
    "listeners:",
    plain,
    `  - { address: "${FEW}"${keys}, limits: ${few}, timeouts: { request_head: 2s, idle: ${variant === 0 ? 3 : 5}s, keep_alive: 1s, half_closed: 1s${timeout} }, unsafe_field_names: ${variant === 0 ? "drop" : "forward"} }`,
    `  - { address: "${variant === 1 ? SECOND : FIRST}", limits: { head_bytes: 1KiB, headers: 20 }, timeouts: { request_head: 5s, idle: 4s, keep_alive: 8s, half_closed: 3s }, unsafe_field_names: refuse }`,
  ];
}

/** The greatest age of connections to endpoints. */
export const AGE_MS_MAX = 6000;
const TIMES = `timeouts: { connect: 1s, response_head: 4s, idle: 4s, tunnel_idle: 6s }, keep_alive: { idle: 3s, max_idle: 4, max_age: ${AGE_MS_MAX}ms }`;
const CHECK = "interval: 400ms, timeout: 300ms, healthy_threshold: 2, unhealthy_threshold: 2";

/** Reloads remove an endpoint, add another, change retries, order and weights, and go back. */
function upstreams({ health, mirrors, announced }: Parts, variant: number): string[] {
  const probed = health ? `, health_check: { path: /health, ${CHECK} }` : "";
  const connected = health ? `, health_check: { ${CHECK} }` : "";
  const [a, b] = [
    [`endpoints: [${url(0)}, ${url(1)}, ${url(2)}], ${TIMES}, retries: 1${probed}`, `endpoints: [${url(3)}], ${TIMES}${connected}`],
    [`endpoints: [${url(0)}, ${url(2)}], ${TIMES}${probed}`, `endpoints: [${url(3)}, ${url(1)}], ${TIMES}, retries: 0`],
    [
      `endpoints: [{ url: ${url(2)}, weight: 3 }, ${url(0)}, ${url(1)}], ${TIMES}${probed}`,
      `endpoints: [${url(3)}], ${TIMES}, via: false${connected}`,
    ],
  ][variant] ?? [""];
  const shadow = mirrors ? [`  shadow: { endpoints: ["http://shadow.test"], ${TIMES}, retries: 3 }`] : [];
  // Of each configuration one upstream tells its endpoints of clients, the others do not, though they have endpoints in common.
  const told = announced ? [", proxy_protocol: v1", "", ", proxy_protocol: v2"] : [];
  return ["upstreams:", `  a: { ${a}${told[variant] ?? ""} }`, `  b: { ${b}${told[(variant + 1) % 3] ?? ""} }`, ...shadow];
}

function url(endpoint: number): string {
  return `"http://endpoint-${endpoint}.test"`;
}

function featureRoutes(variant: number, held: string): string[] {
  const cors = `cors: { allowed_origins: ["${ORIGINS[0]}", "${ORIGINS[1]}"], allowed_methods: [GET, PUT], exposed_headers: [X-Answer] }`;
  const tokens = `authentication: { tokens: ["${(variant === 1 ? TOKENS.slice(0, 1) : TOKENS).join('", "')}"] }`;
  const retry = `retry: { attempts: ${variant === 1 ? 1 : 3}, on: [connect, reset, timeout, 404, 500], budget: 50%, backoff: { base: 40ms, max: 300ms }, replay: ${variant === 2 ? "4KiB" : "64KiB"} }`;
  const atOnce = `concurrency_limit: { key: route, max: ${AT_ONCE.max}, queue: { size: ${AT_ONCE.queue}, timeout: ${AT_ONCE.timeoutMs}ms } }`;
  return [
    `  - { name: again, match: { path: "/again/*" }, upstream: a${held}, ${retry}, request_id: true, timeouts: { request: 9s, response_head: 3500ms } }`,
    `  - { name: files, match: { path: "/files/*" }, files: { root: /site } }`,
    `  - { name: paged, match: { path: "/paged/*" }, upstream: a, error_pages: { 4xx: { body: "${PAGE}", origin: true }, 5xx: { body: "${PAGE}", origin: true } } }`,
    `  - { name: parted, match: { path: "/parted/*" }, split: [{ upstream: a, weight: ${variant + 1} }, { upstream: b, weight: 2 }]${variant === 1 ? ", split_by: client_ip" : ""} }`,
    `  - { name: held, match: { path: "/held/*" }, upstream: b, hold: 2s }`,
    `  - { name: cors, match: { path: "/cors/*" }, upstream: a${held}, ${cors} }`,
    `  - { name: tokens, match: { path: "/tokens/*" }, upstream: a, ${tokens} }`,
    `  - { name: limited, match: { path: "/limited/*" }, upstream: b, rate_limit: { requests_per_second: ${RATE.perSecond}, burst: ${RATE.burst} } }`,
    `  - { name: hooked, match: { path: "/hooked/*" }, upstream: a${held} }`,
    `  - { name: all, match: { path: "/all/*" }, upstream: b${held}, ${cors}, rate_limit: { requests_per_second: 20, burst: 10 }, ${atOnce}, ${tokens} }`,
  ];
}
