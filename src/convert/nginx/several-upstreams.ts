/** Requests that are divided among upstreams (`split_clients`), or copied to another one (`mirror`). */
import { locationFor } from "./location-for.ts";
import type { Keys } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import type { Location } from "./locations.ts";
import { passOf } from "./pass.ts";
import type { Scope } from "./scope.ts";
import type { Upstreams } from "./upstreams.ts";

/** The keys for `proxy_pass http://$name`, where `split_clients` gives `$name` its value; null: it does not. */
export function splitKeys(scope: Scope, target: string, upstreams: Upstreams, notes: Notes, comments: string[]): Keys | null {
  const [, scheme = "http", name] = /^(https?):\/\/\$\{?(\w+)\}?$/.exec(target) ?? [];
  const directive = scope.everywhere("split_clients").find(({ args }) => name !== undefined && args[1] === `$${name}`);
  if (directive === undefined) return null;
  let left = 10_000;
  const split: Keys[] = [];
  for (const { name: share, args } of directive.block ?? []) {
    const percent = /^(\d+(?:\.\d{1,2})?)%$/.exec(share)?.[1];
    const weight = percent === undefined ? left : Math.round(Number(percent) * 100);
    const upstream = upstreams.nameOf(scheme, args[0] ?? "", {});
    if (upstream === null || (percent === undefined && share !== "*")) return null;
    left -= weight;
    if (weight > 0) split.push({ upstream, weight });
  }
  if (split.length === 0) return null;
  const divisor = split.map(({ weight }) => Number(weight)).reduce(greatestDivisor);
  const key = directive.args[0] ?? "";
  const cookie = /^\$\{?cookie_(\w+)\}?$/.exec(key)?.[1];
  const field = /^\$\{?http_(\w+)\}?$/.exec(key)?.[1]?.replaceAll("_", "-");
  const isByClient = /^\$\{?(?:binary_)?remote_addr\}?/.test(key);
  if (!isByClient && cookie === undefined && field === undefined)
    notes.add({ place: directive.place, what: "split_clients", why: "what it divides by has no equivalent, so chance decides" }, comments);
  return {
    split: split.map(({ upstream, weight }) => ({ upstream, weight: Number(weight) / divisor })),
    split_by: isByClient
      ? "client_ip"
      : cookie !== undefined
        ? { cookie, set: false }
        : field === undefined
          ? undefined
          : { header: field },
  };
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

/** What a location needs whose directives name other locations. */
export interface NamingSurroundings {
  readonly locations: readonly Location[];
  readonly constants: ReadonlyMap<string, string>;
  readonly upstreams: Upstreams;
  readonly sources: Sources;
  readonly notes: Notes;
  readonly comments: string[];
}

/** `mirror` with the upstream of the location that it names. */
export function mirrorKeys(
  scope: Scope,
  { locations, constants, upstreams, sources, notes, comments }: NamingSurroundings,
): Keys | undefined {
  const directive = scope.last("mirror");
  const [path = "off"] = directive?.args ?? [];
  if (directive === undefined || path === "off") return undefined;
  const location = locationFor(path, locations, sources);
  const pass = location?.scope.ownLast("proxy_pass");
  const found = location === null || pass === undefined ? null : passOf(pass, location, constants, false);
  const upstream = found === null || found.problem !== undefined ? null : upstreams.nameOf(found.scheme, found.authority, {});
  if (upstream !== null) return { upstream };
  notes.add({ place: directive.place, what: "mirror", why: "where the copies go has no equivalent" }, comments);
  return undefined;
}
