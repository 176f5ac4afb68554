/**
 * The names that a certificate serves: those of its subject alternative names. The common name of the subject is no name, as no browser takes it
 * for one any more (RFC 9525 section 2).
 */
import type { X509Certificate } from "node:crypto";

const DNS_NAME = /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/;

/** Lower case: `example.com`, `*.example.com`, IP addresses. Empty: the certificate has none. */
export function namesOf({ subjectAltName }: Pick<X509Certificate, "subjectAltName">): readonly string[] {
  const names = entriesOf(subjectAltName ?? "").flatMap(([kind, value]) => {
    if (kind === "DNS") return DNS_NAME.test(value) ? [value.toLowerCase().replace(/\.$/, "")] : [];
    return kind === "IP Address" ? [addressText(value)] : [];
  });
  return [...new Set(names)];
}

/** Node's text has `KIND:VALUE` with `, ` between; a value with a comma or a quote in it is a JSON string, so that none can pass for another entry. */
function entriesOf(text: string): readonly (readonly [kind: string, value: string])[] {
  const entries = text.match(/[^:,]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return entries.map((entry) => {
    const colon = entry.indexOf(":");
    const value = entry.slice(colon + 1).trim();
    return [entry.slice(0, colon).trim(), value.startsWith('"') ? String(JSON.parse(value)) : value];
  });
}

/** OpenSSL writes IPv6 addresses as eight groups; here they are as RFC 5952 and URLs have them. */
function addressText(address: string): string {
  if (!address.includes(":")) return address;
  const url = URL.parse(`http://[${address}]/`);
  return url === null ? address.toLowerCase() : url.hostname.slice(1, -1);
}
