/**
 * Who could reach a site by the address at which it listened. Routes of Millrace do not know by which listener a request came, so a site that
 * listened at loopback alone is guarded where others listen elsewhere.
 */
import { compileCidrs } from "../../base/cidr.ts";
import type { CidrSet } from "../../base/cidr.ts";
import { LOCAL_BLOCKS } from "../../base/local-names.ts";
import type { Conditions } from "./conditions.ts";
import type { ListenerDraft, RouteDraft } from "./draft.ts";

const LOOPBACK: readonly string[] = ["127.0.0.0/8", "::1"];
const [loopback, near]: [CidrSet, CidrSet] = [compileCidrs(LOOPBACK), compileCidrs(LOCAL_BLOCKS)];

/** "near": machines of a network alone. "machine": programs of the machine alone. null: it is reached as before. */
export type Reach = "machine" | "near" | null;

/**
 * @param own addresses at which the site listened, as Millrace writes them
 * @param listeners all of the configuration
 */
export function reachOf(own: readonly string[], listeners: readonly ListenerDraft[]): Reach {
  const hosts = own.map(hostOf);
  const all = listeners.flatMap(({ keys: { address } }) => (typeof address === "string" ? [hostOf(address)] : []));
  const others = all.filter((host) => !hosts.includes(host) && !isOfMachine(host));
  if (hosts.length === 0 || hosts.includes("") || others.length === 0) return null;
  if (hosts.every(isOfMachine)) return "machine";
  const isNear = (host: string): boolean => isOfMachine(host) || near.contains(host);
  return hosts.every(isNear) && !others.every(isNear) ? "near" : null;
}

function isOfMachine(host: string): boolean {
  return host === "localhost" || host.startsWith("unix:") || loopback.contains(host);
}

function hostOf(address: string): string {
  if (address.startsWith("unix:")) return address;
  return address.replace(/:[^:\]]*$/, "").replace(/^\[|\]$/g, "");
}

/** The route that refuses whoever is not on the machine. */
export function machineRoute(host: Conditions): RouteDraft {
  return {
    match: [{ ...host, not: [{ clients: LOOPBACK }] }],
    keys: { respond: { status: 403 } },
    comments: ["it listened at loopback: for programs of the machine alone"],
  };
}

/** The address of a listener of all addresses of the machine that has this one in it; else itself. */
export function withinAll(address: string, all: ReadonlySet<string>): string {
  const port = /:([^:\]]+)$/.exec(address)?.[1];
  return port !== undefined && !address.startsWith("unix:") && all.has(`:${port}`) ? `:${port}` : address;
}

/** Those addresses that are all of the machine's. */
export function allOf(addresses: readonly string[]): ReadonlySet<string> {
  return new Set(addresses.filter((address) => address.startsWith(":")));
}

export const NEAR_ONLY =
  "it listened at an address of its own network, and routes do not know at which address a request came, so nobody is let in here: give it a process of its own, or write `access: { allow }` with who may come";
