/** What a client's certificate says, once a handshake is finished. */
import { X509Certificate } from "node:crypto";
import { alternativeNames } from "../../certificates/alternative-names.ts";
import type { ClientCertificate } from "../../proxy/ports/tls-facts.ts";
import type { ClientCertificateRule } from "../../shared/listener-tls.ts";
import type { PeerCertificate } from "../transport/tls-access.ts";

/** A chain with more certificates than this is cut: nobody needs it. */
const CHAIN_MAX = 10;

/** What a finished handshake says about the client's certificate. Node's TLS handle and its sockets both have it, one by another name. */
export interface PeerProof {
  verifyError(): (Error & { readonly code?: string }) | null;
  peerCertificate(): PeerCertificate | undefined;
}

/** Returns the client's certificate, null if it has none and needs none, or the reason to refuse the connection. */
export function judgeClient(
  proof: PeerProof,
  rule: ClientCertificateRule,
  nowMs: number,
): ClientCertificate | null | { readonly refused: string } {
  const peer = proof.peerCertificate();
  if (peer?.raw === undefined) return rule.mode === "required" ? { refused: "no_certificate" } : null;
  const fault = proof.verifyError();
  if (fault !== null) return { refused: fault.code ?? "CERT_REJECTED" };
  const chain = chainAfter(peer);
  if (chain.length > rule.verifyDepth) return { refused: "CERT_CHAIN_TOO_LONG" };
  const leaf = new X509Certificate(peer.raw);
  // A resumed session carries the verdict of its first handshake, which may be older than the certificate's end.
  if (leaf.validToDate.getTime() < nowMs) return { refused: "CERT_HAS_EXPIRED" };
  return { forward: rule.forward, der: peer.raw, chain, ...certificateFacts(leaf) };
}

/** The certificates between the client's own and the trust anchor. */
function chainAfter(peer: PeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let at = peer.issuerCertificate, before = peer; at?.raw !== undefined && at !== before; before = at, at = at.issuerCertificate) {
    // A certificate that is its own issuer is the anchor.
    const issuer = at.issuerCertificate;
    if (issuer === at || issuer?.raw === undefined || chain.length === CHAIN_MAX) break;
    chain.push(at.raw);
  }
  return chain;
}

/** What the certificate itself says. */
export function certificateFacts(certificate: X509Certificate): Omit<ClientCertificate, "forward" | "der" | "chain"> {
  const names = alternativeNames(certificate.subjectAltName);
  const those = (wanted: string): readonly string[] => names.filter(([kind]) => kind === wanted).map(([, name]) => name);
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    dnsNames: those("DNS"),
    uris: those("URI"),
    emails: those("email"),
  };
}

/**
 * Node writes one attribute a line, the most general first, and ` + ` between those of one level; RFC 4514 section 2.1 begins with the most specific,
 * without spaces. In values both characters are escaped.
 */
export function distinguishedName(lines: string): string {
  return lines.replaceAll(" + ", "+").split("\n").toReversed().join(",");
}
