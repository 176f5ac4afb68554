/**
 * The fields in which endpoints get the verified certificate of a client: `Client-Cert` and `Client-Cert-Chain` (RFC 9440), or
 * `X-Forwarded-Client-Cert` in the form that Envoy gave it. No text of a certificate can end its value, or begin a second one.
 */
import { Buffer } from "node:buffer";
import type { ClientCertificate } from "../proxy/ports/tls-facts.ts";

/** The lines, each with its line end; "" if the certificate is not forwarded. */
export function certificateLines(certificate: ClientCertificate): string {
  switch (certificate.forward) {
    case null:
      return "";
    case "Client-Cert":
      return clientCert(certificate);
    case "xfcc":
      return `X-Forwarded-Client-Cert: ${forwardedClientCert(certificate)}\r\n`;
  }
}

/** RFC 9440 sections 2.2 and 2.3: byte sequences of structured fields (RFC 9651 section 3.3.5). The chain is absent if it is empty. */
function clientCert({ der, chain }: ClientCertificate): string {
  const leaf = `Client-Cert: ${byteSequence(der)}\r\n`;
  return chain.length === 0 ? leaf : `${leaf}Client-Cert-Chain: ${chain.map(byteSequence).join(", ")}\r\n`;
}

function byteSequence({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return `:${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}:`;
}

/**
 * Envoy's keys Hash, Subject, URI and DNS, in Envoy's order. The keys Cert and Chain are left out: an origin that wants the certificate itself gets
 * it in `Client-Cert`, without percent-encoded PEM.
 */
function forwardedClientCert({ fingerprint, subject, uris, dnsNames }: ClientCertificate): string {
  const pairs = [`Hash=${fingerprint}`, `Subject="${plainSubject(subject)}"`];
  for (const uri of uris) pairs.push(`URI=${plainName(uri)}`);
  for (const name of dnsNames) pairs.push(`DNS=${plainName(name)}`);
  return pairs.join(";");
}

/**
 * A distinguished name without quotation marks and without `\\`, so that every reader finds the end of the quoted value: these, control
 * characters and others than ASCII are written as RFC 4514 section 2.4 allows, `\22` for a quotation mark.
 */
function plainSubject(subject: string): string {
  return subject.replaceAll(/\\(["\\]|[^ -~])|\\$|"|[^ -~]/gu, (found, escaped: string | undefined) =>
    escapedOctets("\\", escaped ?? found),
  );
}

/** A URI or DNS name. What can stand in neither is percent-encoded, and what separates values is in quotation marks. */
function plainName(name: string): string {
  const plain = name.replaceAll(/[^!#-[\]-~]/gu, (found) => escapedOctets("%", found));
  return /[,;=]/.test(plain) ? `"${plain}"` : plain;
}

function escapedOctets(mark: string, text: string): string {
  return [...Buffer.from(text, "utf8")].map((octet) => `${mark}${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
