/** Names that are known without asking a name server: those of the hosts file (hosts(5)), and names with a meaning of their own. */
import { parseIpAddress } from "../../base/cidr.ts";
import type { ResolvedAddress } from "../../base/resolved-address.ts";

/** Addresses by lower-case name, in the order of the file's lines. */
export type HostsFile = ReadonlyMap<string, readonly ResolvedAddress[]>;

/** Parses a hosts file: a line is an address and its names, `#` begins a comment. Lines that do not begin with an address are skipped. */
export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, ResolvedAddress[]>();
  for (const line of text.split("\n")) {
    const [written = "", ...names] = line.split("#", 1)[0]?.trim().split(/\s+/) ?? [];
    // A zone (`fe80::1%eth0`) is kept in the address, because Node takes it.
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
 * The addresses of a name that are known without a name server; null when a name server must be asked. The hosts file comes first. Then
 * `localhost` and names below it are this machine, and `invalid` and names below it do not exist, which is an empty list (RFC 6761
 * sections 6.3 and 6.4).
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
