/** Converts a Caddyfile. */
import { parseCidr } from "../../base/cidr.ts";
import { defined } from "../model/conditions.ts";
import type { Draft, Keys, ListenerDraft } from "../model/draft.ts";
import { isListenAddress } from "../model/names.ts";
import { formatPlace } from "../model/notes.ts";
import type { Fault, Notes, Place } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { expandImports } from "./imports.ts";
import { PRIVATE_RANGES } from "./matchers.ts";
import { OF_CADDY_1 } from "./no-equivalent.ts";
import { parseCaddyfile } from "./parse.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";
import { SiteRoutes } from "./routes.ts";
import { chooseSites, inHostOrder, sitesOf } from "./sites.ts";
import type { SiteChoice } from "./sites.ts";
import { Upstreams } from "./upstreams.ts";

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
  const fault = (message: string): { readonly fault: Fault } => ({ fault: { place: { file, line: 1 }, message } });
  const sites = sitesOf(expanded.sites, globals, notes).filter(({ addresses }) => addresses.length > 0);
  if (sites.length === 0) return fault("it has no site, so there is nothing to convert");
  const old = sites.flatMap(({ block }) => block.body).find(({ name }) => OF_CADDY_1.has(name));
  if (old !== undefined && !sites.some(({ block }) => block.body.some(isOfCaddy2)))
    return { fault: { place: old.place, message: `"${old.name}" is a directive of Caddy 1; only the format of Caddy 2 is converted` } };
  const choice = chooseSites(sites, port, notes);
  if (choice.sites.length === 0) return fault(`no site is at port ${port ?? ""}`);
  const comments: string[] = [];
  const upstreams = new Upstreams(notes);
  const routes = inHostOrder(choice.sites).flatMap(({ site, hosts }) =>
    new SiteRoutes({ upstreams, sources, notes }).routes(site.block.body, defined({ host: hosts })).map((route, index) => {
      const title = `site ${hosts === undefined ? "for all other hosts" : hosts.join(" ")} (${formatPlace(site.block.place)})`;
      return index === 0 ? { ...route, comments: [title, ...route.comments] } : route;
    }),
  );
  return {
    comments,
    listeners: listenerDrafts(choice, sites[0]?.block.place ?? { file, line: 1 }, notes),
    keys: globalKeys(globals, notes, comments),
    upstreams: upstreams.drafts(),
    routes: routes.length > 0 ? routes : [{ match: [{}], keys: { respond: { status: 404 } }, comments: [] }],
  };
}

function isOfCaddy2({ name }: Directive): boolean {
  return /^(?:reverse_proxy|file_server|php_fastcgi|handle|handle_path|route|encode|respond)$/.test(name);
}

function listenerDrafts({ listens, isSecure }: SiteChoice, place: Place, notes: Notes): readonly ListenerDraft[] {
  const comments: string[] = [];
  if (isSecure) {
    const why =
      "TLS for clients is not converted: give a listener `tls.acme` with these names, as Caddy obtains certificates (docs/acme.md), or `tls` with certificates (docs/tls.md)";
    notes.add({ place, what: "https", why }, comments);
  }
  const kept = listens.filter((address) => isListenAddress(address.replace(/\$\{[^}]*\}/, "80")));
  const addresses = kept.length > 0 ? kept : ["127.0.0.1:8080"];
  return addresses.map((address, index) => ({ keys: { address }, comments: index === 0 ? comments : [] }));
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
