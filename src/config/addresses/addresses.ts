/**
 * Compares addresses of a configuration: two listeners in each other's way, an endpoint that is the proxy itself, an address that only this
 * machine reaches.
 */
import { isLoopbackIp } from "../../base/cidr.ts";
import { LOOPBACK_HOSTS, isLocalhost, parseListenAddress } from "../../base/listen-address.ts";
import { endpointAddress } from "./endpoint-address.ts";

/**
 * Whether two addresses cannot be listened on at the same time. False when either is no address. Names are not looked up, and port 0 never
 * overlaps, because each use of it gets another port.
 */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parseListenAddress(one).address, parseListenAddress(other).address];
  if (a === undefined || b === undefined) return false;
  if (a.kind !== "tcp" || b.kind !== "tcp") return one === other;
  if (a.port !== b.port || a.port === 0) return false;
  const theirs = hostsOf(b.host);
  return hostsOf(a.host).some((one) => theirs.some((other) => one === other || takesIn(one, other) || takesIn(other, one)));
}

function hostsOf(host: string): readonly string[] {
  return isLocalhost(host) ? LOOPBACK_HOSTS : [host.toLowerCase()];
}

/** Whether connecting to the URL of an endpoint reaches a listener with this address on this machine. Names are not looked up. */
export function leadsTo(endpoint: string, address: string): boolean {
  if (endpoint.startsWith("unix:")) return endpoint === address;
  const listener = parseListenAddress(address).address;
  if (listener?.kind !== "tcp" || listener.port === 0 || !URL.canParse(endpoint)) return false;
  const { host, port } = endpointAddress(endpoint);
  if (listener.port !== port) return false;
  // Connecting to the "any" address reaches this machine.
  const theirs = host === "::" ? LOOPBACK_HOSTS : host === "0.0.0.0" ? ["127.0.0.1"] : hostsOf(host);
  return theirs.some((each) => hostsOf(listener.host).some((own) => each === own || (takesIn(own, each) && isLoopbackIp(each))));
}

/**
 * Whether a socket on `host` also takes connections to `other`. Without a host, and on `::`, it listens on all addresses of both families.
 */
function takesIn(host: string, other: string): boolean {
  return host === "" || host === "::" || (host === "0.0.0.0" && !other.includes(":"));
}

/** Whether only this machine can reach a listener with this address: it names `localhost` or a loopback IP. */
export function isLoopback(address: string): boolean {
  const { address: parsed } = parseListenAddress(address);
  return parsed?.kind === "tcp" && (isLocalhost(parsed.host) || isLoopbackIp(parsed.host));
}
