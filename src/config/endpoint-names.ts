import { parseIpAddress } from "../base/cidr.ts";
import { endpointAddress } from "./endpoint-address.ts";
import type { Config } from "./schema.ts";

/** Hosts of all endpoints that are names and not addresses. */
export function endpointNames({ upstreams }: Pick<Config, "upstreams">): Set<string> {
  const hosts = Object.values(upstreams).flatMap(({ endpoints }) => endpoints.map(({ url }) => endpointAddress(new URL(url)).host));
  return new Set(hosts.filter((host) => parseIpAddress(host) === null));
}
