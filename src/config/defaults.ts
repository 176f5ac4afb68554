/**
 * `defaults`: values for the keys that a route or an upstream does not state. They are filled in before a configuration is checked, so that the
 * checks see what will hold. A key is taken as a whole: a route that states `cors` has nothing of the default's.
 */
import { mayBeOff, mayHaveDefault } from "./schema/defaults-schema.ts";
import { nodeAt } from "./document/document.ts";
import type { Located } from "./document/document.ts";
import type { Finding, KeyPath } from "../values/finding.ts";

export interface WithDefaults {
  readonly root: Located;
  /** The findings about values that came from `defaults`, as findings about `defaults`. */
  readonly asWritten: (findings: readonly Finding[]) => readonly Finding[];
}

/** Fills the defaults in, and takes out each key that is `false` because its route or upstream does not want it. */
export function withDefaults(given: Located): WithDefaults {
  const inherited = new Inherited();
  if (given.kind !== "map") return { root: given, asWritten: (findings) => findings };
  const entries = new Map(given.entries);
  const fill = (kind: Kind, holder: Located, path: KeyPath): Located => {
    if (holder.kind !== "map") return holder;
    const defaults = nodeAt(given, ["defaults", kind]);
    const own = new Map([...holder.entries].filter(([key, { value }]) => !isOff(kind, key, value)));
    for (const [key, entry] of defaults?.kind === "map" ? defaults.entries : []) {
      if (!mayHaveDefault(kind, key) || holder.entries.has(key) || isOff(kind, key, entry.value)) continue;
      own.set(key, entry);
      inherited.add(kind, path, key);
    }
    return { ...holder, entries: own };
  };
  const routes = given.entries.get("routes");
  if (routes?.value.kind === "list") {
    const items = routes.value.items.map((route, index) => fill("routes", route, ["routes", index]));
    entries.set("routes", { ...routes, value: { ...routes.value, items } });
  }
  const upstreams = given.entries.get("upstreams");
  if (upstreams?.value.kind === "map") {
    const filled = [...upstreams.value.entries].map(
      ([name, entry]) => [name, { ...entry, value: fill("upstreams", entry.value, ["upstreams", name]) }] as const,
    );
    entries.set("upstreams", { ...upstreams, value: { ...upstreams.value, entries: new Map(filled) } });
  }
  return { root: { ...given, entries }, asWritten: (findings) => inherited.asWritten(findings) };
}

type Kind = "routes" | "upstreams";

function isOff(kind: Kind, key: string, value: Located): boolean {
  return value.kind === "scalar" && value.value === false && mayBeOff(kind, key);
}

/** Which keys of which routes and upstreams came from `defaults`. */
class Inherited {
  /** How many routes or upstreams have a key of `defaults`, by its path. */
  private readonly holders: Map<string, number> = new Map();
  private readonly places: Map<string, Kind> = new Map();

  add(kind: Kind, holder: KeyPath, key: string): void {
    this.places.set([...holder, key].join("\n"), kind);
    const place = `${kind}\n${key}`;
    this.holders.set(place, (this.holders.get(place) ?? 0) + 1);
  }

  asWritten(findings: readonly Finding[]): readonly Finding[] {
    if (this.places.size === 0) return findings;
    const moved = findings.map((finding) => this.moved(finding));
    const times = new Map<string, number>();
    for (const { path, message } of moved) {
      const what = `${path.join("\n")}\n${message}`;
      times.set(what, (times.get(what) ?? 0) + 1);
    }
    // A default that does nothing for one route is no mistake while it does something for another.
    return moved.filter(({ path, message, severity }, index) => {
      if (severity === "error" || path === findings[index]?.path) return true;
      const [, kind, key] = path;
      return times.get(`${path.join("\n")}\n${message}`) === this.holders.get(`${String(kind)}\n${String(key)}`);
    });
  }

  private moved(finding: Finding): Finding {
    const { path } = finding;
    const kind = path.length < 3 ? undefined : this.places.get(path.slice(0, 3).join("\n"));
    return kind === undefined ? finding : { ...finding, path: ["defaults", kind, ...path.slice(2)] };
  }
}
