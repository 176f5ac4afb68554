/** Checks of certificates over ACME that look at several keys, or at the other listeners. */
import { isLoopbackIp } from "../../base/cidr.ts";
import { isLocalhost, parseListenAddress } from "../../base/listen-address.ts";
import { at, error, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** @param file the file's content as plain data, not checked yet */
export function acmeFindings(file: unknown): Finding[] {
  const listeners = listOf(at(file, "listeners"));
  return listeners.flatMap((listener, index) => {
    const acme = at(at(listener, "tls"), "acme");
    if (acme === undefined) return [];
    const path: KeyPath = ["listeners", index, "tls", "acme"];
    return [...agreed(acme, path), ...domains(acme, path), ...challenge(acme, path, listener, listeners), ...services(acme, path)];
  });
}

function agreed(acme: unknown, path: KeyPath): Finding[] {
  const given = at(acme, "terms_agreed");
  if (given === true || (given !== undefined && typeof given !== "boolean")) return [];
  const place = given === undefined ? path : [...path, "terms_agreed"];
  return [error(place, "no authority makes an account without it: read the authority's terms of service, then write terms_agreed: true")];
}

function domains(acme: unknown, path: KeyPath): Finding[] {
  const entries = listOf(at(acme, "domains"));
  if (entries.length === 0 && at(acme, "on_demand") === undefined) {
    return [error([...path, "domains"], "expected the names for which certificates are to be obtained, or on_demand")];
  }
  const names = entries.flatMap((entry, index) =>
    Array.isArray(entry)
      ? entry.map((name: unknown, inside) => ({ name, place: [...path, "domains", index, inside] }))
      : [{ name: entry, place: [...path, "domains", index] }],
  );
  const isByDns = at(acme, "challenge") === "dns-01";
  const seen = new Set<string>();
  return names.flatMap(({ name, place }) => {
    if (typeof name !== "string") return [];
    const [own, isKnown] = [name.toLowerCase(), seen.has(name.toLowerCase())];
    seen.add(own);
    if (isKnown) return [warning(place, "the name stands there already: it gets two certificates, of which one is served")];
    return own.startsWith("*.") && !isByDns ? [error(place, "a wildcard needs challenge: dns-01")] : [];
  });
}

function challenge(acme: unknown, path: KeyPath, listener: unknown, listeners: readonly unknown[]): Finding[] {
  const type = at(acme, "challenge") ?? "tls-alpn-01";
  const dns = at(acme, "dns");
  const place = at(acme, "challenge") === undefined ? path : [...path, "challenge"];
  if (type === "dns-01") return dns === undefined ? [error(place, "dns-01 needs dns.command, a program that sets the record")] : [];
  if (type !== "tls-alpn-01" && type !== "http-01") return [];
  const idle = dns === undefined ? [] : [warning([...path, "dns"], `it has no effect with challenge: ${type}`, true)];
  if (type === "tls-alpn-01" && mayDifferFrom(listener, 443)) {
    idle.push(warning(place, "an authority asks at port 443: something must forward its connections to this listener, with TLS as it is"));
  }
  if (type === "http-01") {
    const plain = listeners.filter((each) => at(each, "tls") === undefined);
    if (plain.length === 0)
      idle.push(warning(place, "an authority asks at port 80, and no listener here is without TLS: http-01 needs one"));
    else if (plain.every((each) => mayDifferFrom(each, 80))) {
      idle.push(warning(place, "an authority asks at port 80: something must forward its requests to a listener without TLS"));
    }
  }
  return idle;
}

/** Whether the listener is known to have another port. Sockets that were handed over, or of the file system, may have any in front. */
function mayDifferFrom(listener: unknown, port: number): boolean {
  const address = at(listener, "address");
  if (typeof address !== "string") return false;
  const parsed = parseListenAddress(address);
  return parsed.problem === undefined && parsed.address.kind === "tcp" && parsed.address.port !== port;
}

/** Whoever is on the way to a service can change what it says, unless it speaks TLS or is on this machine. */
function services(acme: unknown, path: KeyPath): Finding[] {
  return ["directory", "staging"].flatMap((key) => {
    const url = at(acme, key);
    const { protocol = "", hostname = "" } = typeof url === "string" && URL.canParse(url) ? new URL(url) : {};
    const isNear = isLocalhost(hostname) || isLoopbackIp(hostname.replace(/^\[|\]$/g, ""));
    return protocol === "http:" && !isNear ? [error([...path, key], "an authority is asked over https only")] : [];
  });
}
