/** The subject alternative names of a certificate, from the text that Node makes of them. */
import type { X509Certificate } from "node:crypto";

const DNS_NAME = /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/;

/**
 * The names that a certificate serves, in lower case: `example.com`, `*.example.com`, IP addresses. Empty: the certificate has none. The common name of the
 * subject is no name, as no browser takes it for one any more (RFC 9525 section 2).
 */
export function namesOf({ subjectAltName }: Pick<X509Certificate, "subjectAltName">): readonly string[] {
  const names = alternativeNames(subjectAltName).flatMap(([kind, value]) => {
    if (kind === "DNS") return DNS_NAME.test(value) ? [value.toLowerCase().replace(/\.$/, "")] : [];
    return kind === "IP Address" ? [addressText(value)] : [];
  });
  return [...new Set(names)];
}

/**
 * An entry of Node's text `DNS:a.example, URI:"odd, name"`: Node writes a value with unusual characters as JSON, so that none can pass for another entry. What
 * follows something else is not read.
 */
const ENTRY = /(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)/gy;

/** The names with their kinds, such as `DNS`, `IP Address`, `URI` and `email`, as they stand in the certificate. */
export function alternativeNames(text: string | undefined): readonly (readonly [kind: string, value: string])[] {
  return [...(text ?? "").matchAll(ENTRY)].map(([, kind = "", value = ""]) => [kind, unquoted(value)]);
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    const text: unknown = JSON.parse(value);
    return typeof text === "string" ? text : value;
  } catch {
    return value;
  }
}

/** OpenSSL writes IPv6 addresses as eight groups; here they are as RFC 5952 and URLs have them. */
function addressText(address: string): string {
  if (!address.includes(":")) return address;
  const url = URL.parse(`http://[${address}]/`);
  return url === null ? address.toLowerCase() : url.hostname.slice(1, -1);
}
