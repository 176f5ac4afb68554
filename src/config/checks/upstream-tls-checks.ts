/** Findings about TLS towards endpoints that its schema cannot make: keys that need others, keys that do nothing, and trust that is none. */
import { at, error, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

const UNVERIFIED = "it is off: whoever is on the way to the endpoints can read and change everything";

/** @param tls plain data from the file, not checked yet */
export function upstreamTlsFindings(tls: unknown, path: KeyPath): Finding[] {
  const has = (key: string): boolean => at(tls, key) !== undefined;
  const findings: Finding[] = [];
  if (!has("cert_file")) {
    for (const key of ["key_file", "key_passphrase"].filter(has))
      findings.push(error([...path, key], "it belongs to a certificate, and there is no cert_file", true));
  }
  if (at(tls, "verify") !== false) return findings;
  if (has("pinned_names"))
    findings.push(
      error([...path, "pinned_names"], "names in a certificate that is not verified prove nothing: set verify, or pinned_keys"),
    );
  for (const key of ["ca_file", "crl_file"].filter(has))
    findings.push(warning([...path, key], "it does nothing: certificates are not verified (verify: false)", true));
  return has("pinned_keys") ? findings : [...findings, warning([...path, "verify"], UNVERIFIED)];
}
