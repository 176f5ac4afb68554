/** Converts a Caddyfile. */
import { parseCidr } from "../../base/cidr.ts";
import { defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Draft, Keys, RouteDraft } from "../model/draft.ts";
import { formatPlace } from "../model/notes.ts";
import type { Fault, Notes } from "../model/notes.ts";
import { NEAR_ONLY, machineRoute, reachOf } from "../model/reach.ts";
import type { Sources } from "../model/sources.ts";
import { closedRoutes, guardRoute } from "../model/tls.ts";
import { globalTls } from "./acme.ts";
import type { AddNote } from "./acme.ts";
import { expandImports } from "./imports.ts";
import { PRIVATE_RANGES } from "./matchers.ts";
import { OF_CADDY_1 } from "./no-equivalent.ts";
import { parseCaddyfile } from "./parse.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";
import { listenersOf } from "./listeners.ts";
import type { Listeners } from "./listeners.ts";
import { SiteRoutes } from "./routes.ts";
import type { RouteSurroundings } from "./routes.ts";
import { chooseSites, inHostOrder, listensAt, sitesOf } from "./sites.ts";
import type { Site } from "./sites.ts";
import { Upstreams } from "./upstreams.ts";
import { UsersFiles } from "./users.ts";

/** @param port only the sites that are at this port */
export function convertCaddy(
  text: string,
  file: string,
  port: string | undefined,
  sources: Sources,
  notes: Notes,
): Draft | { readonly fault: Fault } {
  const parsed = parseCaddyfile(text, file);
  if (parsed.fault !== undefined) return parsed;
  const expanded = expandImports(parsed.blocks, sources, notes);
  if ("fault" in expanded) return expanded;
  const { globals } = expanded;
  const comments: string[] = [];
  const aboutTls: string[] = [];
  const addNote: AddNote = ({ name, place }, why, what = name) => notes.add({ place, what, why }, comments);
  const tls = globalTls(globals, addNote);
  const fault = (message: string): { readonly fault: Fault } => ({ fault: { place: { file, line: 1 }, message } });
  const sites = sitesOf(expanded.sites, tls, notes, aboutTls).filter(({ addresses }) => addresses.length > 0);
  if (sites.length === 0) return fault("it has no site, so there is nothing to convert");
  const old = sites.flatMap(({ block }) => block.body).find(({ name }) => OF_CADDY_1.has(name));
  if (old !== undefined && !sites.some(({ block }) => block.body.some(isOfCaddy2)))
    return { fault: { place: old.place, message: `"${old.name}" is a directive of Caddy 1; only the format of Caddy 2 is converted` } };
  const choice = chooseSites(sites, tls, port, notes);
  if (choice.sites.length === 0) return fault(port === undefined ? "none of its sites can be converted" : `no site is at port ${port}`);
  const listeners = listenersOf(choice, tls, globals, notes, aboutTls);
  const upstreams = new Upstreams(notes);
  const users = new UsersFiles();
  const routes = inHostOrder(listeners.sites).flatMap(({ site, hosts }) =>
    routesOf(site, defined({ host: hosts }), listeners, { upstreams, users, sources, notes }).map((route, index) => {
      const title = `site ${hosts === undefined ? "for all other hosts" : hosts.join(" ")} (${formatPlace(site.block.place)})`;
      return index === 0 ? { ...route, comments: [title, ...route.comments] } : route;
    }),
  );
  return {
    comments,
    listeners: listeners.drafts,
    keys: globalKeys(globals, notes, comments),
    upstreams: upstreams.drafts(),
    routes: routes.length > 0 ? routes : [{ match: [{}], keys: { respond: { status: 404 } }, comments: [] }],
    files: users.files(),
  };
}

/** The routes of a site, with what keeps away clients who have shown no certificate, or could not reach it before. */
function routesOf(site: Site, host: Conditions, listeners: Listeners, surroundings: RouteSurroundings): readonly RouteDraft[] {
  const routes = new SiteRoutes(surroundings).routes(site.block.body, host);
  const reach = reachOf(site.addresses.map(listensAt), listeners.drafts);
  if (reach === "near") surroundings.notes.add({ place: site.block.place, what: "bind", why: NEAR_ONLY });
  if (listeners.closed.has(site) || reach === "near") return closedRoutes(routes);
  return [
    ...(reach === "machine" ? [machineRoute(host)] : []),
    ...(listeners.guarded.has(site) ? [guardRoute(host, "client_auth: clients without a certificate")] : []),
    ...routes,
  ];
}

function isOfCaddy2({ name }: Directive): boolean {
  return /^(?:reverse_proxy|file_server|php_fastcgi|handle|handle_path|route|encode|respond)$/.test(name);
}

/** Options that Millrace does not need, or that other files of this folder read. */
const NOT_NEEDED =
  /^(?:debug|admin|email|http_port|https_port|auto_https|default_sni|acme_\w+|cert_issuer|ocsp_\w+|local_certs|skip_install_trust|on_demand_tls|storage|storage_clean_interval|renew_interval|key_type|preferred_chains|grace_period|shutdown_delay|log|persist_config|metrics|fallback_sni|cert_lifetime|default_bind|filesystem)$/;

function globalKeys(globals: readonly Directive[], notes: Notes, comments: string[]): Keys {
  let trusted: readonly string[] | undefined;
  for (const { name, block, place } of globals) {
    if (name === "servers") {
      const given = (block ?? []).find((each) => each.name === "trusted_proxies");
      if (given === undefined) continue;
      const [source = "", ...ranges] = given.args;
      const addresses = ranges.map(withEnvironment).flatMap((range) => (range === "private_ranges" ? PRIVATE_RANGES : [range]));
      if (source === "static" && addresses.every((address) => parseCidr(address) !== null)) trusted = addresses;
      else notes.add({ place: given.place, what: "trusted_proxies", why: "its addresses have no equivalent" }, comments);
    } else if (name === "order") notes.add({ place, what: "order", why: "the order of directives is that of Caddy itself" }, comments);
    else if (!NOT_NEEDED.test(name))
      notes.add({ place, what: /^[\w.]{1,64}$/.test(name) ? name : "a global option", why: "has no equivalent" }, comments);
  }
  return trusted === undefined ? {} : { trusted_proxies: trusted };
}
