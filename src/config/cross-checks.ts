/**
 * What no schema says: names that must exist, things given twice, what is probably not meant. It reads the file's values before they are
 * checked, and passes over whatever is not of the right kind: so these problems are reported together with all others.
 */
import { parseIpAddress } from "../base/cidr.ts";
import { parseListenAddress } from "../base/listen-address.ts";
import { parseSize } from "../base/size.ts";
import { isLoopback, leadsTo, overlap } from "./addresses.ts";
import { nearest } from "./did-you-mean.ts";
import type { Finding, KeyPath } from "./finding.ts";
import { unreachableRoutes } from "./unreachable-routes.ts";

export function crossChecksOfFullForm(file: unknown): Finding[] {
  const upstreams = entriesOf(at(file, "upstreams")).filter(([, upstream]) => entriesOf(upstream).length > 0);
  const routes = listOf(at(file, "routes"));
  // Without any, each would say only that they are missing, which is said already.
  const names = at(file, "upstreams") === undefined ? null : upstreams.map(([name]) => name);
  return [
    ...listeners(file),
    ...upstreams.flatMap(([name, upstream]) => [
      ...endpoints(at(upstream, "endpoints"), ["upstreams", name, "endpoints"]),
      ...ownAddresses(at(upstream, "endpoints"), ["upstreams", name, "endpoints"], file),
      ...(at(at(upstream, "tls"), "verify") === false
        ? [
            warning(
              ["upstreams", name, "tls", "verify"],
              "it is off: whoever is on the way to the endpoints can read and change everything",
            ),
          ]
        : []),
      ...(routes.length === 0 || routes.some((route) => at(route, "upstream") === name)
        ? []
        : [warning(["upstreams", name], "no route leads to this upstream", true)]),
    ]),
    ...routes.flatMap((route, index) => [
      ...(names === null ? [] : unknownUpstream(route, index, names)),
      ...literalPaths(at(at(route, "match"), "path"), ["routes", index, "match", "path"]),
      ...rateLimit(at(route, "rate_limit"), ["routes", index, "rate_limit"]),
      ...cors(at(route, "cors"), ["routes", index, "cors"]),
      ...listOf(at(at(route, "authentication"), "tokens")).flatMap((token, position) =>
        spacedToken(token, ["routes", index, "authentication", "tokens", position]),
      ),
    ]),
    ...routeNames(routes),
    ...unreachableRoutes(routes),
    ...admin(
      file,
      listOf(at(file, "listeners")).map((listener) => at(listener, "address")),
    ),
    ...trustedProxies(file),
  ];
}

export function crossChecksOfShortForm(file: unknown): Finding[] {
  const address = at(at(file, "server"), "address");
  return [
    ...endpoints(at(file, "backends"), ["backends"]),
    ...ownAddresses(at(file, "backends"), ["backends"], file),
    ...rateLimit(at(file, "rate_limit"), ["rate_limit"]),
    ...cors(at(file, "cors"), ["cors"]),
    ...shortAuthentication(at(file, "authentication")),
    ...shortHealthCheck(at(file, "health_check")),
    ...admin(file, [address ?? ":8080"]),
    ...trustedProxies(file),
  ];
}

function listeners(file: unknown): Finding[] {
  const addresses = listOf(at(file, "listeners")).map((listener) => at(listener, "address"));
  return listOf(at(file, "listeners")).flatMap((listener, index) => {
    const findings: Finding[] = [];
    const first = addresses.findIndex((address, before) => before < index && bothListen(address, addresses[index]));
    if (first >= 0)
      findings.push(error(["listeners", index, "address"], `listener #${first + 1} listens there already (${String(addresses[first])})`));
    const limits = at(listener, "limits");
    const [line, head] = [bytesOf(at(limits, "request_line")), bytesOf(at(limits, "head_bytes") ?? "32KiB")];
    if (line !== null && head !== null && line > head) {
      findings.push(error(["listeners", index, "limits", "request_line"], "it is above head_bytes, of which the request line is a part"));
    }
    return findings;
  });
}

function endpoints(value: unknown, path: KeyPath): Finding[] {
  const seen = new Map<string, number>();
  return listOf(value).flatMap((endpoint, index) => {
    const url = typeof endpoint === "string" ? endpoint : at(endpoint, "url");
    if (typeof url !== "string" || !URL.canParse(url)) return [];
    const { origin } = new URL(url);
    const first = seen.get(origin);
    if (first === undefined) seen.set(origin, index);
    return first === undefined
      ? []
      : [error([...path, index], `the endpoint stands there already, as #${first + 1}; a weight gives it a larger share`)];
  });
}

/** Endpoints that are the proxy itself. */
function ownAddresses(endpoints: unknown, path: KeyPath, file: unknown): Finding[] {
  const isShort = at(file, "backends") !== undefined;
  const listeners = isShort
    ? [at(at(file, "server"), "address") ?? ":8080"]
    : listOf(at(file, "listeners")).map((each) => at(each, "address"));
  const admin = at(at(file, "admin"), "address");
  return listOf(endpoints).flatMap((endpoint, index) => {
    const where = typeof endpoint === "string" ? [...path, index] : [...path, index, "url"];
    const url = typeof endpoint === "string" ? endpoint : at(endpoint, "url");
    const isThere = (address: unknown): boolean => typeof url === "string" && typeof address === "string" && leadsTo(url, address);
    if (listeners.some(isThere)) return [warning(where, "a listener of this proxy listens there: each request would come back to it")];
    return isThere(admin) ? [warning(where, "this proxy's admin address is there: clients would reach what is for operators")] : [];
  });
}

function unknownUpstream(route: unknown, index: number, names: readonly string[]): Finding[] {
  const name = at(route, "upstream");
  if (typeof name !== "string" || names.includes(name)) return [];
  const near = nearest(name, names);
  // What is near to no name may be anything, a secret too.
  const what = near !== null && near.distance <= 2 ? `no upstream is named ${JSON.stringify(name)}` : "no upstream has this name";
  const known = names.filter((each) => /^[\w.-]{1,64}$/.test(each)).slice(0, NAMES_SHOWN_MAX);
  const instead = near === null ? `; known: ${known.join(", ")}` : `; did you mean "${near.word}"?`;
  return [error(["routes", index, "upstream"], `${what}${names.length === 0 ? "; there is none" : instead}`)];
}

const NAMES_SHOWN_MAX = 10;

function routeNames(routes: readonly unknown[]): Finding[] {
  const seen = new Map<string, number>();
  return routes.flatMap((route, index) => {
    const name = at(route, "name");
    if (typeof name !== "string") return [];
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    return first === undefined ? [] : [error(["routes", index, "name"], `route #${first + 1} has this name already`)];
  });
}

/** Other routers have parameters or regular expressions in paths: a guard on such a route would hold for no request at all. */
function literalPaths(value: unknown, path: KeyPath): Finding[] {
  const message =
    "it is compared as it stands: there are no parameters such as {id} or :id and no regular expressions; /users/* takes everything below /users";
  return (typeof value === "string" ? [value] : listOf(value)).flatMap((each, index) =>
    typeof each === "string" && /\/:[A-Za-z_]|[{}[\]|^\\]|\$$/.test(each)
      ? [warning(typeof value === "string" ? path : [...path, index], message)]
      : [],
  );
}

const RATES = ["requests_per_minute", "requests_per_second"];

function rateLimit(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const rates = RATES.filter((key) => at(value, key) !== undefined);
  if (rates.length === 1) return [];
  const found = rates.length === 0 ? "neither" : "both";
  const where = rates[1] === undefined ? path : [...path, rates[1]];
  const problem = error(where, `expected requests_per_minute or requests_per_second, found ${found}`, true);
  return [rates.length > 0 ? problem : { ...problem, missing: RATES.map((rate) => [...path, rate]) }];
}

function cors(value: unknown, path: KeyPath): Finding[] {
  if (at(value, "allow_credentials") !== true) return [];
  if (listOf(at(value, "allowed_origins")).includes("*")) {
    const message =
      'it has no effect together with the origin "*": every page could act in the name of its visitors; list the origins instead';
    return [warning([...path, "allow_credentials"], message)];
  }
  const star = listOf(at(value, "exposed_headers")).indexOf("*");
  // Fetch standard, section 3.3.3.
  return star < 0
    ? []
    : [warning([...path, "exposed_headers", star], "with credentials browsers take it for the name of a field; list the fields instead")];
}

function shortAuthentication(value: unknown): Finding[] {
  const [enabled, token] = [at(value, "enabled"), at(value, "required_token")];
  if (enabled === true && token === undefined) {
    return [error(["authentication", "enabled"], "it is true, but there is no required_token: everybody would be refused or let in")];
  }
  if (token === undefined) return [];
  if (enabled !== false && enabled !== undefined) return spacedToken(token, ["authentication", "required_token"]);
  return [warning(["authentication", "required_token"], "it is not asked for: enabled is not true", true)];
}

/** RFC 6750 section 2.1 has no spaces in a token, and many clients hold to it. */
function spacedToken(token: unknown, path: KeyPath): Finding[] {
  if (typeof token !== "string" || !/^[^\s\p{Cc}]+(?: +[^\s\p{Cc}]+)+$/u.test(token)) return [];
  const message = "it holds spaces: many clients cannot send it as a Bearer token; X-API-Key can carry it";
  return [warning(path, message)];
}

function shortHealthCheck(value: unknown): Finding[] {
  if (at(value, "frequency") === undefined || at(value, "interval") === undefined) return [];
  return [error(["health_check", "frequency"], "it is another name for interval, which is given too", true)];
}

function admin(file: unknown, taken: readonly unknown[]): Finding[] {
  const given = at(file, "admin");
  const address = at(given, "address");
  if (typeof address !== "string") return [];
  const listener = taken.filter((each) => typeof each === "string").find((each) => overlap(each, address));
  if (listener !== undefined) return [error(["admin", "address"], `a listener listens there already (${listener})`)];
  return [...adminToken(given, address), ...spacedToken(at(given, "token"), ["admin", "token"]), ...adminName(given, address)];
}

function adminToken(given: unknown, address: string): Finding[] {
  if (isLoopback(address) || !address.includes(":") || at(given, "token") !== undefined) return [];
  return [
    warning(["admin", "address"], "other machines can reach it, and it asks for no token: set admin.token, or keep it behind a firewall"),
  ];
}

/** `localhost` and IP addresses are admitted in any case. */
function adminName(given: unknown, address: string): Finding[] {
  const parsed = parseListenAddress(address).address;
  const host = parsed?.kind === "tcp" ? parsed.host.toLowerCase() : "";
  const admitted = listOf(at(given, "hosts")).some((name) => typeof name === "string" && name.toLowerCase() === host);
  if (host === "" || host === "localhost" || parseIpAddress(host) !== null || admitted) return [];
  return [warning(["admin", "address"], `whoever asks by this name gets 403, as from any name: add hosts: [${host}]`)];
}

function bothListen(one: unknown, other: unknown): boolean {
  return typeof one === "string" && typeof other === "string" && overlap(one, other);
}

function trustedProxies(file: unknown): Finding[] {
  return listOf(at(file, "trusted_proxies")).flatMap((entry, index) =>
    typeof entry === "string" && entry.endsWith("/0")
      ? [warning(["trusted_proxies", index], "it trusts everybody: any client can then claim any address")]
      : [],
  );
}

function error(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "error" };
}

function warning(path: KeyPath, message: string, atKey: boolean = false): Finding {
  return { path, message, atKey, severity: "warning" };
}

/** Only own properties: an upstream may be named `constructor`. */
function at(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function bytesOf(value: unknown): number | null {
  return typeof value === "number" ? value : typeof value === "string" ? parseSize(value) : null;
}
