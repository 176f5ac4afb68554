/** What is doubtful about a certificate that can be used: dates, the order of its chain, its key, what it is for. */
import type { KeyObject, X509Certificate } from "node:crypto";
import type { ServedPair } from "./served-pair.ts";

/** Time before its end from which on a certificate should have been renewed: Let's Encrypt and certbot renew thirty days before. */
export const RENEW_WITHIN_MS = 14 * 86_400_000;

/** Each to be put after the name of the certificate's file. @param nowMs epoch milliseconds */
export function pairFindings(pair: ServedPair, nowMs: number): readonly string[] {
  const { certificates, names } = pair;
  const [leaf] = certificates;
  if (leaf === undefined) return [];
  return [
    ...dates(pair, leaf, nowMs, "clients"),
    ...(names.length === 0
      ? ["names no DNS name and no IP address (subject alternative names): it serves only as the first certificate"]
      : []),
    ...purpose(leaf),
    ...weakness(leaf),
    ...chainOrder(certificates),
  ];
}

/** The same for a certificate that is shown to endpoints. */
export function clientPairFindings(pair: ServedPair, nowMs: number): readonly string[] {
  const [leaf] = pair.certificates;
  return leaf === undefined ? [] : [...dates(pair, leaf, nowMs, "endpoints"), ...chainOrder(pair.certificates)];
}

/** Why those to whom it is shown refuse a certificate now, by its dates; null: they do not. */
export function outOfDate(
  { certificates: [leaf] }: Pick<ServedPair, "certificates">,
  nowMs: number,
  who: "clients" | "endpoints" = "clients",
): string | null {
  const [from, to] = [leaf?.validFromDate.getTime() ?? 0, leaf?.validToDate.getTime() ?? 0];
  if (nowMs >= to) return `has expired on ${dayOf(to)}: ${who} refuse it`;
  return nowMs < from ? `is not valid before ${new Date(from).toISOString()}: ${who} refuse it` : null;
}

function dates(pair: ServedPair, leaf: X509Certificate, nowMs: number, who: "clients" | "endpoints"): string[] {
  const unfit = outOfDate(pair, nowMs, who);
  if (unfit !== null) return [unfit];
  const to = leaf.validToDate.getTime();
  return to - nowMs <= RENEW_WITHIN_MS ? [`expires on ${dayOf(to)}, in ${inDays(to - nowMs)}`] : [];
}

/** Such as `3 days`. */
export function inDays(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  return days === 0 ? "less than a day" : days === 1 ? "1 day" : `${days} days`;
}

export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/** Object identifiers of extended key usages: for TLS servers, and any. */
const FOR_SERVERS: readonly string[] = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

function purpose({ keyUsage }: X509Certificate): string[] {
  // Node calls the extended key usage by this name.
  const usages: readonly string[] = keyUsage ?? [];
  return usages.length === 0 || usages.some((usage) => FOR_SERVERS.includes(usage))
    ? []
    : ["is not made for servers (extended key usage): clients refuse it"];
}

/** Curves that browsers have. */
const KNOWN_CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];

/** OpenSSL refuses short keys; this is what it takes and clients do not. */
function weakness(leaf: X509Certificate): string[] {
  return [
    ...weakKey(leaf.publicKey),
    ...(/sha1|md5/i.test(leaf.signatureAlgorithm ?? "") && !isRoot(leaf) ? ["is signed with SHA-1 or MD5: clients refuse it"] : []),
  ];
}

function weakKey({ asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject): string[] {
  const curve = details?.namedCurve;
  if (kind === "ec" && curve !== undefined && !KNOWN_CURVES.includes(curve))
    return [`has a key on the curve ${curve}, which browsers do not have`];
  return kind === "ed25519" || kind === "ed448" ? ["has an Ed25519 or Ed448 key, which browsers do not have"] : [];
}

function chainOrder(certificates: readonly X509Certificate[]): string[] {
  const count = certificates.length;
  const [leaf] = certificates;
  const wrong = certificates.findIndex((each, index) => {
    const signer = certificates[index + 1];
    return signer !== undefined && !(each.checkIssued(signer) && each.verify(signer.publicKey));
  });
  if (wrong >= 0) return [`has certificates in a wrong order: number ${wrong + 2} of ${count} has not signed the one before it`];
  const last = certificates.at(-1);
  if (count > 1 && last !== undefined && isRoot(last))
    return [`ends with a root (number ${count} of ${count}), which clients have or do not trust: leave it out`];
  // An address of the issuer's certificate is what public authorities put into theirs.
  const isFromElsewhere = leaf !== undefined && !isRoot(leaf) && /CA Issuers/.test(leaf.infoAccess ?? "");
  return count === 1 && isFromElsewhere
    ? ["holds no intermediate certificate, and many clients will not trust it: use the file with the full chain"]
    : [];
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.checkIssued(certificate);
}
