/** The paths of files in the settings of TLS. */
import type { AdminTlsConfig } from "./admin-tls-schema.ts";
import type { ListenerTlsConfig } from "./listener-tls-schema.ts";
import type { RedisStoreConfig } from "../stores-schema.ts";
import type { UpstreamTlsConfig } from "./upstream-tls-schema.ts";

const FILE_KEYS = ["cert_file", "key_file", "ocsp_file", "ca_file", "crl_file", "storage"] as const;

/** Replaces the paths of all files that it names. */
export function mapTlsFiles(tls: ListenerTlsConfig, change: (path: string) => string): void {
  if (tls.internal?.storage !== undefined) tls.internal.storage = change(tls.internal.storage);
  const rules = [tls.client_certificates, ...tls.certificates.map((entry) => entry.client_certificates)];
  mapIn([...tls.certificates, ...rules, tls.tickets, tls.acme], change);
  // A program without a path is one that the system finds.
  const command = tls.acme?.dns?.command;
  if (command?.[0] !== undefined && /^\.{1,2}\//.test(command[0])) command[0] = change(command[0]);
}

/** The same for the admin address. */
export function mapAdminTlsFiles(tls: AdminTlsConfig, change: (path: string) => string): void {
  mapIn([tls, tls.client_certificates], change);
}

/** The same for TLS towards endpoints. */
export function mapUpstreamTlsFiles(tls: UpstreamTlsConfig, change: (path: string) => string): void {
  mapIn([tls], change);
}

/** The same for TLS towards a store. */
export function mapStoreTlsFiles({ tls }: RedisStoreConfig, change: (path: string) => string): void {
  mapIn([tls], change);
}

function mapIn(holders: readonly unknown[], change: (path: string) => string): void {
  for (const holder of holders) {
    if (typeof holder !== "object" || holder === null) continue;
    for (const key of FILE_KEYS) {
      const path: unknown = Reflect.get(holder, key);
      if (typeof path === "string") Reflect.set(holder, key, change(path));
    }
  }
}
