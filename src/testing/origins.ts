/** Which origins a test has given for which upstreams and endpoints. */
import { endpointAddress } from "../config/addresses/endpoint-address.ts";
import type { Config } from "../config/schema/schema.ts";
import type { TestOrigin } from "./origin-script.ts";

/** By the name of an upstream, or the URL of an endpoint. */
export type Origins = Readonly<Record<string, TestOrigin | readonly TestOrigin[]>>;

/** Throws if an entry of `origins` belongs to no upstream or endpoint, or its list has another length than the upstream has endpoints. */
export function checkOrigins(origins: Origins, { upstreams, routes }: Config): void {
  // An identity provider may have its pages at other addresses than its own.
  const asksProviders = routes.some(({ authentication }) => authentication?.oidc !== undefined);
  const addresses = new Set(Object.values(upstreams).flatMap(({ endpoints }) => endpoints.map(({ url }) => addressOf(url))));
  for (const [key, origin] of Object.entries(origins)) {
    const count = upstreams[key]?.endpoints.length;
    if (count === undefined && !(isUrl(key) && (asksProviders || addresses.has(addressOf(key)))))
      throw new Error(`the configuration has no upstream, and no endpoint, ${JSON.stringify(key)}`);
    if (isList(origin) && origin.length !== (count ?? 1))
      throw new Error(`a list of ${origin.length} is given for the ${count ?? 1} endpoints of ${JSON.stringify(key)}`);
  }
}

/** The entry that `origins` has for an endpoint under its URL, in any spelling of the URL. */
export function givenFor(address: string, origins: Origins): TestOrigin | undefined {
  const key = Object.keys(origins).find((name) => isUrl(name) && addressOf(name) === address);
  const given = key === undefined ? undefined : origins[key];
  return isList(given) ? given[0] : given;
}

export function isList(given: TestOrigin | readonly TestOrigin[] | undefined): given is readonly TestOrigin[] {
  return Array.isArray(given);
}

export function isUrl(key: string): boolean {
  return key.includes("://") || key.startsWith("unix:");
}

/** The address of an endpoint in the memory network: `host:port`, or the path of a Unix socket. */
export function addressOf(url: string): string {
  const { host, port, path } = endpointAddress(url);
  return path ?? `${host}:${port}`;
}
