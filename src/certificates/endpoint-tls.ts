/**
 * TLS towards an endpoint, for connections of the data plane and for probes: OpenSSL's context, and whether the endpoint has proved who it is.
 */
import { constants, createHash } from "node:crypto";
import type { X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { TlsSession, UpstreamTls } from "../shared/upstream-tls.ts";

/** The endpoint's certificate carries none of the pinned keys. */
export const OTHER_KEY = "ERR_TLS_CERT_PINNED_KEY";

/** Who ends the matter when an endpoint asks for another handshake on its connection, as TLS 1.2 allows. */
export type Renegotiation =
  /** OpenSSL declines, and the connection goes on. */
  | "declined"
  /** OpenSSL begins, and whoever drives the handle closes the connection. */
  | "closed";

/** The contexts that settings use, so that one is looked up by all that it is made of once only. */
const used: Readonly<Record<Renegotiation, WeakMap<UpstreamTls, tls.SecureContext>>> = { declined: new WeakMap(), closed: new WeakMap() };

/**
 * All contexts that are in use, by what they are made of. Hundreds of upstreams may trust one bundle of authorities, of which each context would hold a
 * megabyte.
 */
const shared: Map<string, WeakRef<tls.SecureContext>> = new Map();

/** Equal settings have the same context. Throws if OpenSSL does not take what the settings hold. */
export function endpointContext(settings: UpstreamTls, renegotiation: Renegotiation): tls.SecureContext {
  const known = used[renegotiation].get(settings);
  if (known !== undefined) return known;
  const { ca, crl, certificate, minVersion } = settings;
  const key = createHash("sha256")
    .update(JSON.stringify([renegotiation, ca, crl, certificate, minVersion]))
    .digest("latin1");
  const context = shared.get(key)?.deref() ?? contextOf(settings, renegotiation);
  used[renegotiation].set(settings, context);
  for (const [each, made] of shared) if (made.deref() === undefined) shared.delete(each);
  shared.set(key, new WeakRef(context));
  return context;
}

function contextOf({ ca, crl, certificate, minVersion }: UpstreamTls, renegotiation: Renegotiation): tls.SecureContext {
  return tls.createSecureContext({
    minVersion,
    // The endpoint of another handshake could be another one, at whose certificate nobody looks.
    ...(renegotiation === "declined" ? { secureOptions: constants.SSL_OP_NO_RENEGOTIATION } : {}),
    ...(ca === null ? {} : { ca }),
    ...(crl === null ? {} : { crl }),
    ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.key }),
  });
}

/** Options of a socket of Node's. They leave it to {@link proofOfSocket} to judge the certificate: no byte may be written or read before. */
export function endpointOptions(settings: UpstreamTls, host: string): tls.ConnectionOptions {
  const name = settings.serverName ?? host;
  return {
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    secureContext: endpointContext(settings, "declined"),
    ALPNProtocols: ["http/1.1"],
    // SNI allows no IP addresses (RFC 6066 section 3).
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
  };
}

/** Until when the certificate proves who the endpoint is. */
export type EndpointProof = Pick<TlsSession, "usableUntilMs">;

/** Without verification sessions are as good as any handshake, as long as the endpoint takes them. */
const UNENDING: EndpointProof = { usableUntilMs: Infinity };

/**
 * Judges the certificate of a full handshake. A text is OpenSSL's or Node's name of why it is no proof.
 * @param host of the endpoint's URL
 * @param fault what OpenSSL has found wrong with the chain; null: nothing
 */
export function proofOf(
  settings: UpstreamTls,
  host: string,
  fault: string | null,
  certificate: X509Certificate | null,
): EndpointProof | string {
  const { verify, pinnedKeys, pinnedNames, serverName } = settings;
  if (!verify && pinnedKeys.length === 0) return UNENDING;
  if (certificate === null) return "CERT_MISSING";
  if (verify) {
    if (fault !== null) return fault;
    const names = pinnedNames.length > 0 ? pinnedNames : [serverName ?? host];
    if (!names.some((name) => carries(certificate, name))) return "ERR_TLS_CERT_ALTNAME_INVALID";
  }
  if (pinnedKeys.length > 0 && !pinnedKeys.includes(keyHash(certificate))) return OTHER_KEY;
  return verify ? { usableUntilMs: certificate.validToDate.getTime() } : UNENDING;
}

/** The same for a socket of Node's whose handshake is finished, and that resumes no session. */
export function proofOfSocket(settings: UpstreamTls, host: string, socket: tls.TLSSocket): EndpointProof | string {
  // The types say Error; Node says the error's code.
  const fault: unknown = socket.authorizationError;
  const isNone = fault === null || fault === undefined || fault === "";
  return proofOf(
    settings,
    host,
    isNone ? null : typeof fault === "string" ? fault : "CERT_REJECTED",
    socket.getPeerX509Certificate() ?? null,
  );
}

function carries(certificate: X509Certificate, name: string): boolean {
  return (net.isIP(name) === 0 ? certificate.checkHost(name, { subject: "never" }) : certificate.checkIP(name)) !== undefined;
}

/** The SHA-256 of the SubjectPublicKeyInfo in Base64. */
function keyHash({ publicKey }: X509Certificate): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}
