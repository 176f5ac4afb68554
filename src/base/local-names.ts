/**
 * The names and addresses that nobody on the internet can own. The local authority may give certificates to these and to no others, so that whoever
 * gets hold of its key can pretend to be no site of the internet.
 */
import { compileCidrs, parseIpAddress } from "./cidr.ts";
import type { CidrSet } from "./cidr.ts";

/** Domains, each with all names below it: RFC 6761 section 6.2 and 6.3, and `internal`, which ICANN has set aside for private use. */
export const LOCAL_DOMAINS: readonly string[] = ["localhost", "test", "internal"];

/** Loopback (RFC 1122, RFC 4291) and private addresses (RFC 1918, RFC 4193). */
export const LOCAL_BLOCKS: readonly string[] = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];

/** For messages: what {@link isLocalName} admits. */
export const LOCAL_NAMES_TEXT: string = "localhost, names below .localhost, .test and .internal, and loopback and private addresses";

const BLOCKS: CidrSet = compileCidrs(LOCAL_BLOCKS);
/** RFC 1035 section 2.3.4: a name has at most 253 characters, a label at most 63. */
const NAME_MAX = 253;
/** Underscores are in the names of containers. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Whether a host name or an address is one of these. @param name in lower case, without port, brackets and the dot at the end */
export function isLocalName(name: string): boolean {
  if (parseIpAddress(name) !== null) return BLOCKS.contains(name);
  if (name.length > NAME_MAX) return false;
  const labels = name.split(".");
  return LOCAL_DOMAINS.includes(labels.at(-1) ?? "") && labels.every((label) => LABEL.test(label));
}

/** Whether all hosts that a pattern such as `*.app.test` stands for are local names. */
export function isLocalPattern(pattern: string): boolean {
  return isLocalName(pattern.startsWith("*.") ? pattern.slice(2) : pattern);
}
