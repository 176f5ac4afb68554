/** The names of a listener's first certificate, which serves clients that name none, such as those that connect to an address. */
import { isLoopbackIp, parseIpAddress } from "../../base/cidr.ts";
import { parseListenAddress } from "../../base/listen-address.ts";
import { isLocalName } from "../../base/local-names.ts";

const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "::1"];
/** More would make each handshake longer; machines with many containers have hundreds. */
const ADDRESSES_MAX = 16;

/**
 * @param address of the listener, as the configuration writes it
 * @param own addresses of this machine
 */
export function firstNames(address: string, own: readonly string[]): readonly string[] {
  const parsed = parseListenAddress(address).address;
  const host = parsed?.kind === "tcp" ? parsed.host.toLowerCase() : "localhost";
  if (host === "" || host === "0.0.0.0" || host === "::") return [...LOOPBACK, ...privateOnes(own)];
  if (host === "localhost" || isLoopbackIp(host)) return LOOPBACK.includes(host) ? LOOPBACK : [...LOOPBACK, host];
  if (isLocalName(host)) return [host];
  return LOOPBACK;
}

function privateOnes(own: readonly string[]): readonly string[] {
  return own
    .filter((address) => parseIpAddress(address) !== null && !isLoopbackIp(address) && isLocalName(address))
    .slice(0, ADDRESSES_MAX);
}
