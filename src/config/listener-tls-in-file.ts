/** TLS of the listeners, of the admin address and towards endpoints in a configuration that may have mistakes elsewhere, for the checks of the files that it names. */
import { isLocalPattern } from "../base/local-names.ts";
import { at, entriesOf, listOf } from "../values/finding.ts";
import type { KeyPath } from "../values/finding.ts";
import { adminTlsSchema } from "./schema/tls/admin-tls-schema.ts";
import type { AdminTlsConfig } from "./schema/tls/admin-tls-schema.ts";
import { listenerTlsSchema } from "./schema/tls/listener-tls-schema.ts";
import type { ListenerTlsConfig } from "./schema/tls/listener-tls-schema.ts";
import { upstreamTlsSchema } from "./schema/tls/upstream-tls-schema.ts";
import type { UpstreamTlsConfig } from "./schema/tls/upstream-tls-schema.ts";

/** TLS of a listener, with its place. */
export interface PlacedTls {
  readonly path: KeyPath;
  readonly tls: ListenerTlsConfig;
}

/** TLS towards the endpoints of an upstream, with its place. */
export interface PlacedUpstreamTls {
  readonly path: KeyPath;
  readonly tls: UpstreamTlsConfig;
}

/** A host that the conditions of a route name, with its place. */
export interface NamedHost {
  readonly path: KeyPath;
  /** As written: `example.com`, or `*.example.com` for all below. */
  readonly host: string;
}

/** What the checks of certificates need of a file. */
export interface TlsInFile {
  readonly listeners: readonly PlacedTls[];
  /** Hosts of routes; null: TLS of some listener has mistakes. */
  readonly hosts: readonly NamedHost[] | null;
  /** TLS of the admin address; null: there is none, or it has mistakes. */
  readonly admin: AdminTlsConfig | null;
  /** Those that have no mistakes themselves. */
  readonly upstreams: readonly PlacedUpstreamTls[];
}

/** @param file the file's content as plain data, with `${NAME}` replaced */
export function tlsInFile(file: unknown): TlsInFile {
  const listeners = listenerTlsIn(file);
  const wanted = listOf(at(file, "listeners")).filter((listener) => at(listener, "tls") !== undefined);
  const isKnown = wanted.length === listeners.length;
  // Local names are served by the local authority where a listener has it.
  const isServed = (host: string): boolean => listeners.some(({ tls }) => tls.internal !== undefined) && isLocalPattern(host);
  return {
    listeners,
    hosts: isKnown ? hostsIn(file).filter(({ host }) => !isServed(host)) : null,
    admin: adminTlsIn(file),
    upstreams: upstreamTlsIn(file),
  };
}

function hostsIn(file: unknown): readonly NamedHost[] {
  return listOf(at(file, "routes")).flatMap((route, index) => {
    const match = at(route, "match");
    const entries = Array.isArray(match) ? match.map((entry: unknown, position) => [entry, [position]] as const) : [[match, []] as const];
    return entries.flatMap(([entry, place]) => {
      const path: KeyPath = ["routes", index, "match", ...place, "host"];
      const host = at(entry, "host");
      if (typeof host === "string") return [{ path, host }];
      return listOf(host).flatMap((each, position) => (typeof each === "string" ? [{ path: [...path, position], host: each }] : []));
    });
  });
}

/** Those that have no mistakes themselves. */
function listenerTlsIn(file: unknown): readonly PlacedTls[] {
  return listOf(at(file, "listeners")).flatMap((listener, index) => {
    const parsed = listenerTlsSchema.safeParse(at(listener, "tls"));
    return parsed.success ? [{ path: ["listeners", index, "tls"], tls: parsed.data }] : [];
  });
}

function adminTlsIn(file: unknown): AdminTlsConfig | null {
  return adminTlsSchema.safeParse(at(at(file, "admin"), "tls")).data ?? null;
}

function upstreamTlsIn(file: unknown): readonly PlacedUpstreamTls[] {
  return entriesOf(at(file, "upstreams")).flatMap(([name, upstream]) => {
    const tls = at(upstream, "tls");
    if (tls === undefined) return [];
    const parsed = upstreamTlsSchema.safeParse(tls);
    return parsed.success ? [{ path: ["upstreams", name, "tls"], tls: parsed.data }] : [];
  });
}
