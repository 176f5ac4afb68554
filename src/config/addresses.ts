/** Which addresses of a configuration are the same place. */
import { isLoopbackIp } from "../base/cidr.ts";
import { LOOPBACK_HOSTS, isLocalhost, parseListenAddress } from "../base/listen-address.ts";
import { endpointAddress } from "./endpoint-address.ts";

/** Whether both cannot be listened on at once. Names are not looked up; of port 0 there are many. */
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

/** Whether who connects to that endpoint reaches whoever listens at the address on this machine. Names are not looked up. */
export function leadsTo(endpoint: string, address: string): boolean {
  if (endpoint.startsWith("unix:")) return endpoint === address;
  const listener = parseListenAddress(address).address;
  if (listener?.kind !== "tcp" || listener.port === 0 || !URL.canParse(endpoint)) return false;
  const { host, port } = endpointAddress(new URL(endpoint));
  if (listener.port !== port) return false;
  // Who connects to "any address" reaches this machine.
  const theirs = host === "::" ? LOOPBACK_HOSTS : host === "0.0.0.0" ? ["127.0.0.1"] : hostsOf(host);
  return theirs.some((each) => hostsOf(listener.host).some((own) => each === own || (takesIn(own, each) && isLoopbackIp(each))));
}

/** Without a host, and on `::`, a socket listens on all addresses of both families. */
function takesIn(host: string, other: string): boolean {
  return host === "" || host === "::" || (host === "0.0.0.0" && !other.includes(":"));
}

/** Whether only this machine can reach the address, as far as its text says. */
export function isLoopback(address: string): boolean {
  const { address: parsed } = parseListenAddress(address);
  return parsed?.kind === "tcp" && (isLocalhost(parsed.host) || isLoopbackIp(parsed.host));
}
