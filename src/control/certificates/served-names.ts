/** Which names the certificates of a configuration serve: names that stand twice, and names of routes that none has. */
import type { NamedHost } from "../../config/listener-tls-in-file.ts";
import { error, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** A certificate of a listener. */
export interface PlacedCertificate {
  /** The place of its entry. */
  readonly path: KeyPath;
  readonly names: readonly string[];
  readonly keyKind: string;
  /** Text that is the same where the same is asked of clients. */
  readonly clients: string;
}

/** Findings about names that several certificates of one listener have. */
export function namesTwice(certificates: readonly PlacedCertificate[]): Finding[] {
  const first = new Map<string, number>();
  return certificates.flatMap((each, index) => {
    const findings: Finding[] = [];
    for (const name of each.names) {
      const known = first.get(name);
      if (known === undefined) {
        first.set(name, index);
        continue;
      }
      if (certificates[known]?.clients !== each.clients) {
        const message = `it has the name ${name} as certificate #${known + 1} has, and other rules for clients: one of them would count for nothing`;
        findings.push(error([...each.path, "cert_file"], message));
        break;
      }
      const same = certificates.findIndex(
        ({ names, keyKind }, position) => position < index && keyKind === each.keyKind && names.includes(name),
      );
      if (same < 0) continue;
      const message = `it has the name ${name} and a key of the same kind as certificate #${same + 1}, which serves that name alone`;
      findings.push(warning([...each.path, "cert_file"], message));
      break;
    }
    return findings;
  });
}

/** Warnings about hosts of routes that no certificate serves. @param names of all certificates */
export function unservedHosts(hosts: readonly NamedHost[], names: ReadonlySet<string>): Finding[] {
  return hosts.flatMap(({ path, host }) => {
    const wanted = host
      .toLowerCase()
      .replace(/\.$/, "")
      .replace(/^\[(.*)\]$/, "$1");
    if (wanted === "*" || isServed(wanted, names)) return [];
    return [warning(path, "no certificate of a listener has this name: over TLS clients get that of another one, and refuse it")];
  });
}

function isServed(host: string, names: ReadonlySet<string>): boolean {
  // Of a pattern some name below it is enough: which ones are meant is not known.
  if (host.startsWith("*.")) return [...names].some((name) => name.endsWith(host.slice(1)));
  return names.has(host) || names.has(host.replace(/^[^.]+/, "*"));
}
