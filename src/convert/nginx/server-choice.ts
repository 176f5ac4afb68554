/**
 * Which `server` blocks become one configuration. Routes of Millrace do not know by which listener a request came, so only blocks that listen at the
 * same ports can stand together; 80 and 443 count as the same.
 */
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import type { Listen, Server } from "./servers.ts";

export interface Choice {
  /** In their order, and none that only leads to https. */
  readonly servers: readonly Server[];
  /** Addresses of listeners without TLS. */
  readonly plain: readonly Listen[];
  readonly secure: readonly Listen[];
}

/** @param port only blocks that listen there; undefined: the first port that fits best */
export function chooseServers(all: readonly Server[], port: string | undefined, notes: Notes): Choice {
  const wanted = port ?? mainPort(all);
  const isWeb = port === undefined && WEB.has(wanted);
  const fits = ({ port: each }: Listen): boolean => (isWeb ? WEB.has(each) : each === wanted);
  const chosen = all.filter(({ listens }) => listens.some(fits));
  for (const { directive, listens } of all)
    if (!listens.some(fits) && port === undefined && listens[0] !== undefined)
      notes.add({
        place: directive.place,
        what: "server",
        why: `routes do not know at which port a request came, so this one, at ${listens[0].port}, is left out: convert it by itself with --port ${listens[0].port}`,
      });
  const isSecure = ({ listens }: Server): boolean => listens.some((listen) => listen.isSecure);
  const securedNames = new Set(chosen.filter(isSecure).flatMap(({ names }) => names));
  const hasSecureDefault = chosen.some((server) => isSecure(server) && server.names.length === 0);
  const servers = chosen.filter((server) => {
    if (isSecure(server) || !chosen.some(isSecure)) return true;
    const isServed = server.names.length === 0 || hasSecureDefault || server.names.some((name) => securedNames.has(name));
    if (!isServed) return true;
    const why = leadsToHttps(server.directive)
      ? "it leads to https, which Millrace cannot serve yet: the redirect would come back to itself"
      : "the same names are served by TLS too, and one configuration has one site for a name";
    notes.add({ place: server.directive.place, what: "server", why: `${why}; it is left out` });
    return false;
  });
  const listens = servers.flatMap((server) => server.listens.filter(fits));
  return { servers, plain: listens.filter((listen) => !listen.isSecure), secure: listens.filter((listen) => listen.isSecure) };
}

const WEB: ReadonlySet<string> = new Set(["80", "443"]);

function mainPort(all: readonly Server[]): string {
  const ports = all.flatMap(({ listens }) => listens.map(({ port }) => port));
  return ports.find((port) => WEB.has(port)) ?? ports[0] ?? "80";
}

/** Whether the block does nothing but lead clients to https, apart from what certificates are renewed by. */
function leadsToHttps({ block }: Directive): boolean {
  return (block ?? []).some(
    (directive) =>
      (["return", "rewrite"].includes(directive.name) && directive.args.some((each) => each.startsWith("https://"))) ||
      (directive.block !== null && directive.name !== "server" && leadsToHttps(directive)),
  );
}

/** A server with the hosts under which it is chosen, in an order in which the first that fits is the one that nginx takes. */
export interface Hosted {
  readonly server: Server;
  /** undefined: every host. */
  readonly hosts: readonly string[] | undefined;
}

export function inHostOrder(servers: readonly Server[]): readonly Hosted[] {
  const fallback = servers.find(({ isDefault }) => isDefault) ?? servers[0];
  if (fallback === undefined) return [];
  const taken = new Set<string>();
  const named = servers.flatMap((server) => {
    // Of two blocks with one name the first counts.
    const hosts = server.names.filter((name) => !taken.has(name));
    for (const name of hosts) taken.add(name);
    return server === fallback || hosts.length === 0 ? [] : [{ server, hosts }];
  });
  const isWild = (host: string): boolean => host.startsWith("*.");
  const exact = named.flatMap(({ server, hosts }) => {
    const plain = hosts.filter((host) => !isWild(host));
    return plain.length === 0 ? [] : [{ server, hosts: plain }];
  });
  const wild = named
    .flatMap(({ server, hosts }) => hosts.filter(isWild).map((host) => ({ server, hosts: [host] })))
    .sort((a, b) => b.hosts.join().length - a.hosts.join().length);
  // A name of the default server that another one's wildcard would take.
  const own = fallback.names.filter((name) => wild.some(({ hosts }) => name.endsWith((hosts[0] ?? "").slice(1))));
  const guarded = own.length === 0 ? [] : [{ server: fallback, hosts: own }];
  return [...joined([...exact, ...guarded, ...wild]), { server: fallback, hosts: undefined }];
}

/** A server's entries as one, where no other one lies between them that its wildcards could take requests from. */
function joined(entries: readonly Hosted[]): readonly Hosted[] {
  const made: Hosted[] = [];
  for (const entry of entries) {
    const at = made.findIndex(({ server }) => server === entry.server);
    const earlier = made[at];
    const between = entries.slice(0, entries.indexOf(entry)).filter(({ server }) => server !== entry.server);
    const isFree = between.every(
      ({ hosts }) => !(hosts ?? []).some((host) => (entry.hosts ?? []).some((wild) => host.endsWith(wild.slice(1)))),
    );
    if (earlier !== undefined && isFree) made[at] = { server: entry.server, hosts: [...(earlier.hosts ?? []), ...(entry.hosts ?? [])] };
    else made.push(entry);
  }
  return made;
}
