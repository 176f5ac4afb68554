/** Converts a configuration of nginx. */
import { parseCidr } from "../../base/cidr.ts";
import { defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Draft, RouteDraft } from "../model/draft.ts";
import { formatPlace } from "../model/notes.ts";
import type { Fault, Notes } from "../model/notes.ts";
import { NEAR_ONLY, machineRoute, reachOf } from "../model/reach.ts";
import type { Sources } from "../model/sources.ts";
import { closedRoutes, guardRoute } from "../model/tls.ts";
import { withCommonKeys } from "./common-keys.ts";
import { expandIncludes } from "./include.ts";
import { listenersOf } from "./listeners.ts";
import type { Listeners } from "./listeners.ts";
import { noteRest } from "./no-equivalent.ts";
import { parseNginx } from "./parse.ts";
import type { Directive } from "./parse.ts";
import { ServerRoutes } from "./routes.ts";
import { Scope } from "./scope.ts";
import { chooseServers, inHostOrder } from "./server-choice.ts";
import type { Choice } from "./server-choice.ts";
import { serversIn } from "./servers.ts";
import type { Server } from "./servers.ts";
import { Upstreams } from "./upstreams.ts";

/** @param port only the servers that listen there */
export function convertNginx(
  text: string,
  file: string,
  port: string | undefined,
  sources: Sources,
  notes: Notes,
): Draft | { readonly fault: Fault } {
  const parsed = parseNginx(text, file);
  if (parsed.fault !== undefined) return parsed;
  const whole = expandIncludes(parsed.directives, sources, notes);
  if (whole.fault !== undefined) return whole;
  const comments: string[] = [];
  const http = httpScope(whole.directives, notes, comments);
  const servers = serversIn(http, notes);
  if (servers.length === 0) return { fault: { place: { file, line: 1 }, message: nothing(whole.missing) } };
  noteRest(http.own, notes, comments);
  const choice = chooseServers(servers, port, notes);
  if (choice.servers.length === 0)
    return {
      fault: {
        place: { file, line: 1 },
        message: port === undefined ? "none of its servers can be converted" : `no server listens at port ${port}`,
      },
    };
  const scopes = [http, ...choice.servers.map(({ scope }) => scope)];
  const isNamedInHeader = scopes.some((scope) => scope.ownAll("real_ip_header").some(({ args: [name] }) => name === "proxy_protocol"));
  const proxies = knownProxies(scopes, notes, comments);
  const listeners = listenersOf(choice, isNamedInHeader ? proxies : [], sources, notes);
  const upstreams = new Upstreams(http, notes);
  const drafts = inHostOrder(choice.servers).flatMap(({ server, hosts }) => {
    const scheme = schemeOf(server, choice);
    const surroundings = { upstreams, notes, sources, scheme };
    const host = defined({ host: hosts });
    const routes = guarded(server, host, listeners, notes, () =>
      new ServerRoutes(withoutVerifying(server, scheme), host, constantsOf(server), surroundings).routes(),
    );
    return routes.map((route, index) => titled(route, server, hosts, index));
  });
  const { routes, keys, upstreams: groups } = withCommonKeys(drafts, upstreams.drafts());
  return {
    comments,
    listeners: listeners.drafts,
    keys: { ...(isNamedInHeader || proxies.length === 0 ? {} : { trusted_proxies: proxies }), ...keys },
    upstreams: groups,
    routes: routes.length > 0 ? routes : [{ match: [{}], keys: { respond: { status: 404 } }, comments: [] }],
  };
}

/** How requests of the server come; null: with TLS and without. */
function schemeOf({ listens }: Server, { isLed }: Choice): "http" | "https" | null {
  if (!listens.some(({ isSecure }) => isSecure)) return isLed ? "https" : "http";
  return isLed || listens.every(({ isSecure }) => isSecure) ? "https" : null;
}

/** What listeners ask of clients needs no location to ask again. */
function withoutVerifying({ scope, directive: { place } }: Server, scheme: "http" | "https" | null): Scope {
  return scheme === "http" ? scope : scope.with([{ name: "ssl_verify_client", args: ["off"], block: null, place }]);
}

/** The routes of a server, with what keeps away clients who have shown no certificate, or could not reach it before. */
function guarded(
  server: Server,
  host: Conditions,
  listeners: Listeners,
  notes: Notes,
  routes: () => readonly RouteDraft[],
): readonly RouteDraft[] {
  const isPlain = server.listens.some(({ isSecure }) => !isSecure);
  if (listeners.rejecting.has(server) && !isPlain)
    return [{ match: [host], keys: { respond: { status: 421 } }, comments: ["ssl_reject_handshake"] }];
  const reach = reachOf(
    server.listens.map(({ address }) => address),
    listeners.drafts,
  );
  if (reach === "near") notes.add({ place: server.directive.place, what: "listen", why: NEAR_ONLY });
  if (listeners.closed.has(server) || reach === "near") return closedRoutes(routes());
  return [
    ...(reach === "machine" ? [machineRoute(host)] : []),
    ...(listeners.guarded.has(server) ? [guardRoute(host, "ssl_verify_client: clients without a certificate")] : []),
    ...routes(),
  ];
}

function nothing(missing: readonly string[]): string {
  const names = missing.filter((each) => /^[\w./*?-]{1,100}$/.test(each)).join(", ");
  return `it has no server block, so there is nothing to convert${names === "" ? "" : `; files that it includes are not there: ${names}`}`;
}

/** What stands in `http`. A file that is included by another may begin with servers, or with the locations of one. */
function httpScope(directives: readonly Directive[], notes: Notes, comments: string[]): Scope {
  const http = directives.filter(({ name }) => name === "http").flatMap(({ block }) => block ?? []);
  const others = directives.filter(({ name }) => name !== "http" && name !== "events");
  if (http.length > 0) {
    noteRest(others, notes, comments);
    return new Scope(http);
  }
  const [location] = others.filter(({ name }) => name === "location");
  if (location === undefined || others.some(({ name }) => name === "server")) return new Scope(others);
  return new Scope([{ name: "server", args: [], block: others, place: location.place }]);
}

function titled(route: RouteDraft, server: Server, hosts: readonly string[] | undefined, index: number): RouteDraft {
  if (index > 0) return route;
  const title = `server ${hosts === undefined ? "for all other hosts" : hosts.join(" ")} (${formatPlace(server.directive.place)})`;
  return { ...route, comments: [title, ...route.comments] };
}

function constantsOf({ firstName, listens, scope }: Server): ReadonlyMap<string, string> {
  const constants = new Map<string, string>();
  if (/^[\w.-]+$/.test(firstName) && firstName !== "_") constants.set("server_name", firstName);
  const ports = [...new Set(listens.map(({ port }) => port))];
  if (ports.length === 1 && /^\d+$/.test(ports[0] ?? "")) constants.set("server_port", ports[0] ?? "");
  const root = scope.value("root");
  if (root !== undefined) constants.set("document_root", root);
  return constants;
}

/** The addresses of `set_real_ip_from`: the proxies that say who the client is, in a field or in the header of the PROXY protocol. */
function knownProxies(scopes: readonly Scope[], notes: Notes, comments: string[]): readonly string[] {
  const given = scopes.flatMap((scope) => scope.ownAll("set_real_ip_from"));
  if (given.length === 0) return [];
  for (const { args, place, name: what } of scopes.flatMap((scope) => scope.ownAll("real_ip_header")))
    if (!/^(?:x-forwarded-for|proxy_protocol)$/i.test(args[0] ?? ""))
      notes.add({ place, what, why: "the client's address is taken from `X-Forwarded-For` only" }, comments);
  const addresses = given.flatMap(({ args: [address = ""], place, name: what }) => {
    if (parseCidr(address) !== null) return [address];
    notes.add({ place, what, why: "its address has no equivalent" }, comments);
    return [];
  });
  return [...new Set(addresses)];
}
