/**
 * Checks that a schema cannot make, because they compare several keys: names that must exist, things given twice, settings that are probably
 * not meant. They read the values of the file before the schema has checked them, and skip values of the wrong kind, so that all problems can
 * be reported together. Checks of a single feature are in the feature's schema.ts.
 */
import { parseIpAddress } from "../../base/cidr.ts";
import { parseListenAddress } from "../../base/listen-address.ts";
import { bytesOf } from "../../base/size.ts";
import { accessLogFindings } from "./access-log-checks.ts";
import { acmeFindings } from "./acme-checks.ts";
import { isLoopback, leadsTo, overlap } from "../addresses/addresses.ts";
import { endpointAddress } from "../addresses/endpoint-address.ts";
import { nearest } from "../../base/did-you-mean.ts";
import { DECLARED } from "../../features/declared.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, entriesOf, error, listOf, oddToken, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { needsIdentity } from "../../values/rate.ts";
import { ENDS } from "../schema/feature-keys.ts";
import { idleBuffer } from "./idle-buffers.ts";
import { idleFeatures } from "./idle-features.ts";
import { idleRewrite } from "./idle-rewrites.ts";
import { idleVariables } from "./idle-variables.ts";
import { internalNames } from "./internal-names.ts";
import { LISTENERS_MAX } from "../schema/listener-schema.ts";
import { listenerTlsFindings } from "./listener-tls-checks.ts";
import { mirrorFindings } from "../schema/mirror-schema.ts";
import { splitFindings } from "../schema/split-schema.ts";
import { ownPathFindings } from "./own-path-checks.ts";
import { storeFindings } from "./store-checks.ts";
import { asksForCertificates, untoldIdentity } from "./untold-identity.ts";
import { unreachableRoutes } from "./unreachable-routes.ts";
import { namedUpstreams, unknownUpstreams } from "./upstream-names.ts";
import { upstreamTlsFindings } from "./upstream-tls-checks.ts";

const features: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);

/** @param file the file's content as plain data, with `${NAME}` replaced, not checked yet */
export function crossChecksOfFullForm(file: unknown): Finding[] {
  const upstreams = entriesOf(at(file, "upstreams")).filter(([, upstream]) => entriesOf(upstream).length > 0);
  const routes = listOf(at(file, "routes"));
  // Where the key is misspelled every route would be reported, though the schema has reported the unknown key already.
  const isMisspelled =
    at(file, "upstreams") === undefined && entriesOf(file).some(([key]) => (nearest(key, ["upstreams"])?.distance ?? 9) <= 3);
  const names = isMisspelled ? null : new Set(upstreams.map(([name]) => name));
  const ledTo = new Set(routes.flatMap((route, index) => namedUpstreams(route, index).map(({ name }) => name)));
  // Middleware sends requests of its own to upstreams that no route leads to.
  const mayBeAsked = [file, ...routes].some((each) => listOf(at(each, "middleware")).length > 0);
  return [
    ...listeners(file),
    ...everywhere(file, []),
    // Each is found in the routes and upstreams that take it too, if any does.
    ...everyFeature(at(at(file, "defaults"), "routes"), ["defaults", "routes"]),
    ...everywhere(at(at(file, "defaults"), "upstreams"), ["defaults", "upstreams"]),
    ...upstreams.flatMap(([name, upstream]) => [
      ...endpoints(at(upstream, "endpoints"), ["upstreams", name, "endpoints"]),
      ...ownAddresses(at(upstream, "endpoints"), ["upstreams", name, "endpoints"], file),
      ...everywhere(upstream, ["upstreams", name]),
      ...upstreamTlsFindings(at(upstream, "tls"), ["upstreams", name, "tls"]),
      ...(routes.length === 0 || mayBeAsked || ledTo.has(name)
        ? []
        : [warning(["upstreams", name], "no route leads to this upstream", true)]),
    ]),
    ...routes.flatMap((route, index) => [
      ...routeEnd(route, index),
      ...idleRewrite(route, index),
      ...idleBuffer(route, index, at(at(file, "limits"), "buffered_bytes")),
      ...idleFeatures(route, index),
      ...idleVariables(route, index),
      ...unknownClients(route, index),
      ...limitsOfUnknown(route, index),
      ...untoldIdentity(route, index, file),
      ...uncountedTunnels(route, index),
      ...(names === null ? [] : unknownUpstreams(route, index, names)),
      ...splitFindings(route, index),
      ...mirrorFindings(route, index),
      ...matchEntries(at(route, "match"), ["routes", index, "match"]).flatMap(([entry, path]) => [
        ...literalPaths(at(entry, "path"), [...path, "path"]),
        ...emptyException(entry, path),
        ...unaskedCertificate(entry, path, file),
        // What an exception names need not be served.
        ...(path.includes("not") ? [] : internalNames(at(entry, "host"), [...path, "host"], file)),
      ]),
      ...everyFeature(route, ["routes", index]),
    ]),
    ...routeNames(routes),
    ...unreachableRoutes(routes),
    ...ownPathFindings(routes),
    ...admin(
      file,
      listOf(at(file, "listeners")).map((listener) => at(listener, "address")),
    ),
    ...trustedProxies(file),
    ...accessLogFindings(file),
    ...acmeFindings(file),
    ...storeFindings(file),
  ];
}

/** As `crossChecksOfFullForm`, for a file in the short form. */
export function crossChecksOfShortForm(file: unknown): Finding[] {
  const address = at(at(file, "server"), "address");
  return [
    ...endpoints(at(file, "backends"), ["backends"]),
    ...ownAddresses(at(file, "backends"), ["backends"], file),
    ...DECLARED.rate_limit.check(at(file, "rate_limit"), ["rate_limit"]),
    ...DECLARED.cors.check(at(file, "cors"), ["cors"]),
    ...shortAuthentication(at(file, "authentication")),
    ...shortHealthCheck(at(file, "health_check")),
    ...admin(file, [address ?? ":8080"]),
    ...trustedProxies(file),
    ...accessLogFindings(file),
  ];
}

/** Checks of all features, for a route or for the defaults of routes. */
function everyFeature(route: unknown, path: KeyPath): Finding[] {
  return features.flatMap(([key, { check }]) => check?.(at(route, key), [...path, key]) ?? []);
}

/** Checks of the features whose keys also stand elsewhere than in routes. */
function everywhere(value: unknown, path: KeyPath): Finding[] {
  return features.flatMap(([key, declaration]) =>
    declaration.everywhere === true ? (declaration.check?.(at(value, key), [...path, key]) ?? []) : [],
  );
}

/** What is wrong with `redirect_to_https` of the listener at that position. */
function idleRedirect(file: unknown, index: number): Finding[] {
  const path = ["listeners", index, "redirect_to_https"];
  const all = listOf(at(file, "listeners"));
  if (at(all[index], "tls") !== undefined) {
    return [
      error(
        path,
        "this listener speaks TLS itself: it is for the listener that clients of http:// reach (tls.plain_http answers them here)",
      ),
    ];
  }
  if (all.some((listener) => at(listener, "tls") !== undefined) || listOf(at(file, "trusted_proxies")).length > 0) return [];
  return [
    warning(
      path,
      "no listener has tls, and no trusted proxy ends it: clients are sent to port 443 of their host, where something else must answer",
    ),
  ];
}

/** Errors about too many listeners, about two on one address, and about limits that contradict each other. */
function listeners(file: unknown): Finding[] {
  const addresses = listOf(at(file, "listeners")).map((listener) => at(listener, "address"));
  const tooMany =
    addresses.length > LISTENERS_MAX ? [error(["listeners"], `there may be ${LISTENERS_MAX}, and here are ${addresses.length}`)] : [];
  const each = listOf(at(file, "listeners")).flatMap((listener, index) => {
    const findings: Finding[] = [];
    const first = addresses.findIndex((address, before) => before < index && bothListen(address, addresses[index]));
    if (first >= 0)
      findings.push(error(["listeners", index, "address"], `listener #${first + 1} listens there already (${String(addresses[first])})`));
    const limits = at(listener, "limits");
    const [line, head] = [bytesOf(at(limits, "request_line")), bytesOf(at(limits, "head_bytes") ?? "32KiB")];
    if (line !== null && head !== null && line > head) {
      findings.push(error(["listeners", index, "limits", "request_line"], "it is above head_bytes, of which the request line is a part"));
    }
    findings.push(...headerSenders(at(listener, "proxy_protocol"), ["listeners", index, "proxy_protocol", "from"]));
    if (at(listener, "redirect_to_https") === true) findings.push(...idleRedirect(file, index));
    return [...findings, ...listenerTlsFindings(listener, ["listeners", index])];
  });
  return [...tooMany, ...each];
}

/** Errors about endpoints that an upstream has twice. */
function endpoints(value: unknown, path: KeyPath): Finding[] {
  const seen = new Map<string, number>();
  return listOf(value).flatMap((endpoint, index) => {
    const url = typeof endpoint === "string" ? endpoint : at(endpoint, "url");
    if (typeof url !== "string" || !URL.canParse(url)) return [];
    const { host, port, path: socket, secure } = endpointAddress(url);
    const place = `${secure} ${socket ?? host.toLowerCase()} ${port}`;
    const first = seen.get(place);
    if (first === undefined) seen.set(place, index);
    return first === undefined
      ? []
      : [error([...path, index], `the endpoint stands there already, as #${first + 1}; a weight gives it a larger share`)];
  });
}

/** Warnings about endpoints whose URL leads back to a listener or to the admin address of this proxy. */
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

/** An error when a route has none of these keys, or several. */
function routeEnd(route: unknown, index: number): Finding[] {
  if (typeof route !== "object" || route === null) return [];
  const path: KeyPath = ["routes", index];
  const [first, second] = ENDS.filter((key) => at(route, key) !== undefined);
  if (first === undefined)
    return [{ ...error(path, `expected one of ${ENDS.join(", ")}, found none`), missing: ENDS.map((key) => [...path, key]) }];
  return second === undefined
    ? []
    : [error([...path, second], `the route has ${first} already: a route does one thing with its requests`, true)];
}

/** An error about a `require` that nobody can meet, because the route knows no client. */
function unknownClients(route: unknown, index: number): Finding[] {
  if (at(route, "require") === undefined) return [];
  const path: KeyPath = ["routes", index, "require"];
  if (at(route, "authentication") === undefined)
    return [error(path, "it is about clients that are known: the route needs authentication", true)];
  if (at(at(route, "authentication"), "optional") !== true) return [];
  return [error(path, "it refuses everybody whom authentication.optional lets in without credentials: leave out one of the two", true)];
}

/** Warnings about limits by who the client is, where no client is known: all of them count by their addresses. */
function limitsOfUnknown(route: unknown, index: number): Finding[] {
  if (at(route, "authentication") !== undefined) return [];
  const message = "it is about clients that are known, and the route has no authentication: every client counts by its address";
  return ["rate_limit", "token_limit"]
    .filter((key) => needsIdentity(at(route, key)))
    .map((key) => warning(["routes", index, key], message, true));
}

/** A warning about tunnels past a limit of tokens. */
function uncountedTunnels(route: unknown, index: number): Finding[] {
  if (at(route, "token_limit") === undefined || listOf(at(route, "upgrade")).length === 0) return [];
  return [warning(["routes", index, "upgrade"], "token_limit counts nothing of what passes after a switch of protocols", true)];
}

/** Errors about routes that have the same name. */
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

/** The entries of conditions in `match`, and those of `not`, with their places. */
function matchEntries(match: unknown, path: KeyPath): (readonly [entry: unknown, path: KeyPath])[] {
  const entries = Array.isArray(match)
    ? match.map((entry: unknown, index) => [entry, [...path, index]] as const)
    : [[match, path] as const];
  return entries.flatMap(([entry, place]) => {
    const not = at(entry, "not");
    return not === undefined ? [[entry, place] as const] : [[entry, place] as const, ...matchEntries(not, [...place, "not"])];
  });
}

/** A warning about a condition on certificates that no client is asked for. */
function unaskedCertificate(entry: unknown, path: KeyPath, file: unknown): Finding[] {
  if (at(entry, "client_certificate") === undefined) return [];
  return asksForCertificates(file)
    ? []
    : [warning([...path, "client_certificate"], "no listener asks clients for a certificate (tls.client_certificates): it never holds")];
}

/** A warning about an exception without conditions: it holds for every request. */
function emptyException(entry: unknown, path: KeyPath): Finding[] {
  const isException = path.some((key, at) => key === "not" && at >= path.length - 2);
  const isEmpty = typeof entry === "object" && entry !== null && Object.keys(entry).length === 0;
  return isException && isEmpty ? [warning(path, "it has no conditions and excludes every request")] : [];
}

/**
 * Warnings about paths with parameters or regular expressions, as other routers have them. Such a path matches no request here, so a token
 * check on its route protects nothing.
 */
function literalPaths(value: unknown, path: KeyPath): Finding[] {
  const message =
    "it is compared as it stands, without parameters such as {id} or :id: /users/* takes everything below /users, and a regular expression with named groups stands in path_regex";
  return (typeof value === "string" ? [value] : listOf(value)).flatMap((each, index) =>
    typeof each === "string" && /\/:[A-Za-z_]|[{}[\]|^\\]|\$$/.test(each)
      ? [warning(typeof value === "string" ? path : [...path, index], message)]
      : [],
  );
}

/** Findings about `authentication` of the short form: on without a token, or a token while it is off. */
function shortAuthentication(value: unknown): Finding[] {
  const [enabled, token] = [at(value, "enabled"), at(value, "required_token")];
  if (enabled === true && token === undefined) {
    return [error(["authentication", "enabled"], "it is true, but there is no required_token: everybody would be refused or let in")];
  }
  if (token === undefined) return [];
  if (enabled !== false && enabled !== undefined) return oddToken(token, ["authentication", "required_token"]);
  return [warning(["authentication", "required_token"], "it is not asked for: enabled is not true", true)];
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
  return [...adminToken(given, address), ...oddToken(at(given, "token"), ["admin", "token"]), ...adminName(given, address)];
}

function adminToken(given: unknown, address: string): Finding[] {
  if (isLoopback(address) || !address.includes(":") || at(given, "token") !== undefined) return [];
  if (at(at(given, "tls"), "client_certificates") !== undefined) return [];
  return [
    warning(["admin", "address"], "other machines can reach it, and it asks for no token: set admin.token, or keep it behind a firewall"),
  ];
}

/** A warning when the admin address has a name that requests may not carry in `Host`. `localhost` and IP addresses are always admitted. */
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

function headerSenders(value: unknown, path: KeyPath): Finding[] {
  return listOf(at(value, "from")).flatMap((entry, index) =>
    typeof entry === "string" && entry.endsWith("/0")
      ? [warning([...path, index], "everybody may send the header: any client can then claim any address")]
      : [],
  );
}

function trustedProxies(file: unknown): Finding[] {
  return listOf(at(file, "trusted_proxies")).flatMap((entry, index) =>
    typeof entry === "string" && entry.endsWith("/0")
      ? [warning(["trusted_proxies", index], "it trusts everybody: any client can then claim any address")]
      : [],
  );
}
