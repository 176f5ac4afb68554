import { parseIpAddress } from "../base/cidr.ts";
import type { Config } from "./schema.ts";

/** The host of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

/** Hosts of all endpoints that are names and not addresses. */
export function endpointNames({ upstreams }: Pick<Config, "upstreams">): Set<string> {
  const hosts = Object.values(upstreams).flatMap(({ endpoints }) => endpoints.map(({ url }) => hostOf(new URL(url))));
  return new Set(hosts.filter((host) => parseIpAddress(host) === null));
}
