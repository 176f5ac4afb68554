/** Findings about TLS of a listener that its schema cannot make: keys that need others, and keys that do nothing. */
import { at, error, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** @param listener plain data from the file, not checked yet */
export function listenerTlsFindings(listener: unknown, path: KeyPath): Finding[] {
  const tls = at(listener, "tls");
  if (tls === undefined) return withoutTls(listener, path);
  if (typeof tls !== "object" || tls === null || Array.isArray(tls)) return [];
  const findings: Finding[] = [];
  const certificates = at(tls, "certificates");
  const isMissing = certificates === undefined || (Array.isArray(certificates) && certificates.length === 0);
  if (isMissing && at(tls, "acme") === undefined && at(tls, "internal") === undefined)
    findings.push({ ...error([...path, "tls"], "it has no certificates"), missing: [[...path, "tls", "certificates"]] });
  const tickets = at(tls, "tickets");
  if (at(tickets, "key_file") !== undefined && at(tickets, "rotate") !== undefined)
    findings.push(warning([...path, "tls", "tickets", "rotate"], "it does nothing: the keys are those of key_file", true));
  for (const [index, entry] of listOf(certificates).entries()) {
    if (at(entry, "client_certificates") !== false || at(tls, "client_certificates") !== undefined) continue;
    const place = [...path, "tls", "certificates", index, "client_certificates"];
    findings.push(warning(place, "it does nothing: the listener asks for no certificates", true));
  }
  return findings;
}

function withoutTls(listener: unknown, path: KeyPath): Finding[] {
  return (
    [
      ["timeouts", "handshake"],
      ["limits", "handshakes"],
    ] as const
  ).flatMap(([section, key]) =>
    at(at(listener, section), key) === undefined
      ? []
      : [warning([...path, section, key], "it does nothing: the listener has no tls", true)],
  );
}
