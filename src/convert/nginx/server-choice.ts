/**
 * Which `server` blocks become one configuration. Routes of Millrace do not know by which listener a request came, so only blocks that listen at the
 * same ports can stand together. 80 and 443 go together where port 80 leads to https, or serves the same.
 */
import type { Notes } from "../model/notes.ts";
import { PlainServers } from "./plain-servers.ts";
import type { Listen, Server } from "./servers.ts";

export interface Choice {
  /** In their order, each with the `listen` directives that count. */
  readonly servers: readonly Server[];
  /** Addresses of listeners without TLS. */
  readonly plain: readonly Listen[];
  readonly secure: readonly Listen[];
  /** Whether requests without TLS are led to https. */
  readonly isLed: boolean;
}

/** @param port only blocks that listen there; undefined: the first port that fits best */
export function chooseServers(all: readonly Server[], port: string | undefined, notes: Notes): Choice {
  const wanted = port ?? mainPort(all);
  const isWeb = port === undefined && WEB.has(wanted);
  const fits = ({ port: each }: Listen): boolean => (isWeb ? WEB.has(each) : each === wanted);
  const chosen = all.flatMap((server) => {
    const listens = server.listens.filter(fits);
    const others = server.listens.filter((listen) => !fits(listen));
    if (port === undefined) for (const listen of others) noteLeftOut(server, listen, listens.length === 0, notes);
    return listens.length === 0 ? [] : [{ ...server, listens, isDefault: listens.some(({ isDefault }) => isDefault) }];
  });
  if (!chosen.some(isSecure)) return { servers: chosen, plain: chosen.flatMap(({ listens }) => listens), secure: [], isLed: false };
  const plain = new PlainServers(chosen.filter(isSecure), notes);
  const servers = chosen.flatMap((server) => (isSecure(server) ? [server] : plain.kept(server)));
  const listens = servers.flatMap((server) => server.listens);
  return {
    servers: plain.withChallenges(servers),
    plain: [...listens.filter((listen) => !listen.isSecure), ...plain.listens],
    secure: listens.filter((listen) => listen.isSecure),
    isLed: plain.isLed,
  };
}

export function isSecure({ listens }: Server): boolean {
  return listens.some((listen) => listen.isSecure);
}

const WEB: ReadonlySet<string> = new Set(["80", "443"]);

function mainPort(all: readonly Server[]): string {
  const ports = all.flatMap(({ listens }) => listens.map(({ port }) => port));
  return ports.find((port) => WEB.has(port)) ?? ports[0] ?? "80";
}

function noteLeftOut({ directive, listens }: Server, listen: Listen, isWhole: boolean, notes: Notes): void {
  if (isWhole && listen !== listens[0]) return;
  const what = isWhole ? directive : listen.directive;
  notes.add({
    place: what.place,
    what: isWhole ? "server" : `listen ${listen.port}`,
    why: `routes do not know at which port a request came, so this one, at ${listen.port}, is left out: convert it by itself with --port ${listen.port}`,
  });
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
