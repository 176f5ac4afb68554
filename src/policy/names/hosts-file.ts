import { parseIpAddress } from "../../base/cidr.ts";
import type { ResolvedAddress } from "../../base/resolved-address.ts";

/** Addresses by name, in lower case, in the order of the lines. */
export type HostsFile = ReadonlyMap<string, readonly ResolvedAddress[]>;

/** The text of a hosts file (hosts(5)): a line is an address and its names, `#` begins a comment. Lines without an address count for nothing. */
export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, ResolvedAddress[]>();
  for (const line of text.split("\n")) {
    const [written = "", ...names] = line.split("#", 1)[0]?.trim().split(/\s+/) ?? [];
    // A zone (`fe80::1%eth0`) stays with the address that Node gets.
    if (parseIpAddress(written.split("%", 1)[0] ?? "") === null) continue;
    const address: ResolvedAddress = { address: written, family: written.includes(":") ? 6 : 4 };
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else if (!known.some((each) => each.address === written)) known.push(address);
    }
  }
  return hosts;
}

/**
 * What is known without asking a name server: what the file says, and of names with a meaning of their own that `localhost` is this
 * machine and `invalid` does not exist (RFC 6761 sections 6.3 and 6.4; empty). Null: a name server is to be asked.
 */
export function addressesWithoutDns(hosts: HostsFile, name: string): readonly ResolvedAddress[] | null {
  const key = name.toLowerCase().replace(/\.$/, "");
  const found = hosts.get(key);
  if (found !== undefined) return found;
  const last = key.slice(key.lastIndexOf(".") + 1);
  return last === "localhost" ? LOOPBACK : last === "invalid" ? [] : null;
}

const LOOPBACK: readonly ResolvedAddress[] = [
  { address: "::1", family: 6 },
  { address: "127.0.0.1", family: 4 },
];
