import { parseIpAddress } from "../../base/cidr.ts";
import { endpointAddress } from "./endpoint-address.ts";
import type { Config } from "../schema/schema.ts";

/** The hosts of all endpoints that are names and not IP addresses: the names to look up. */
export function endpointNames({ upstreams }: Pick<Config, "upstreams">): Set<string> {
  const hosts = Object.values(upstreams).flatMap(({ endpoints }) => endpoints.map(({ url }) => endpointAddress(url).host));
  return new Set(hosts.filter((host) => host !== "" && parseIpAddress(host) === null));
}
