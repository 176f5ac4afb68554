/** Which certificates a listener serves, in words: for `millrace check` and `millrace explain`. */
import { isLocalName } from "../base/local-names.ts";
import type { Config } from "../config/schema/schema.ts";
import { shownFile } from "../config/problems/shown.ts";
import { readPair } from "../control/certificates/read-material.ts";

type Tls = NonNullable<Config["listeners"][number]["tls"]>;

/** Most names that are shown. */
const NAMES_MAX = 5;

/** Such as `TLS for a.test, *.a.test`. */
export function tlsInWords({ certificates, acme, internal }: Tls): string {
  const names = new Set([...certificates.flatMap((entry) => namesIn(entry)), ...(acme?.domains.flat() ?? [])]);
  const more = names.size > NAMES_MAX ? [`${names.size - NAMES_MAX} more names`] : [];
  const open = acme?.on_demand === undefined ? [] : ["names on demand"];
  const shown = [...[...names].slice(0, NAMES_MAX), ...more, ...open, ...(internal === undefined ? [] : ["local names"])];
  return `TLS for ${shown.length === 0 ? "no name" : shown.join(", ")}`;
}

/** The lines of `explain` about the certificate for a host. @param host without port; "": none is named */
export function certificateLines(tls: Tls, host: string): readonly string[] {
  const { certificates, acme, internal, client_certificates: all } = tls;
  const name = host.toLowerCase().replace(/\.$/, "");
  const patterns = [name, name.replace(/^[^.]+/, "*")];
  const found = patterns.map((pattern) => certificates.findIndex((entry) => namesIn(entry).includes(pattern))).find((index) => index >= 0);
  const entry = found === undefined ? undefined : certificates[found];
  if (found !== undefined && entry !== undefined) {
    const { client_certificates: own = all } = entry;
    return [`certificate: #${found + 1}, ${shownFile(entry.cert_file)}`, ...clientLine(own)];
  }
  if (acme?.domains.flat().some((domain) => patterns.includes(domain)) === true)
    return ["certificate: obtained over ACME", ...clientLine(all)];
  if (internal !== undefined && isLocalName(name)) return ["certificate: of the local authority", ...clientLine(all)];
  if (acme?.on_demand !== undefined)
    return [`certificate: obtained over ACME, if ${acme.on_demand.ask} admits the name`, ...clientLine(all)];
  const [first] = certificates;
  if (tls.strict_sni || first === undefined) return ["certificate: none has this name, so the handshake is refused"];
  const { client_certificates: own = all } = first;
  return [`certificate: none has this name, so clients get #1, ${shownFile(first.cert_file)}, and refuse it`, ...clientLine(own)];
}

function clientLine(rule: Tls["client_certificates"] | false): readonly string[] {
  if (rule === undefined || rule === false) return [];
  return [`client certificate: ${rule.mode}${rule.forward === undefined ? "" : `, forwarded as ${rule.forward}`}`];
}

function namesIn(entry: Tls["certificates"][number]): readonly string[] {
  const read = readPair(entry);
  return "value" in read ? read.value.names : [];
}
