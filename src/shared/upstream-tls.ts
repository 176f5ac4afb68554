/**
 * What is needed for TLS connections to endpoints. The control plane reads the files that the configuration names, checks them and sends their contents to
 * the threads; probes use the same.
 */
import type { UpstreamTlsConfig } from "../config/schema/tls/upstream-tls-schema.ts";

/** What the files of upstreams hold, by `filesOf` of their settings. */
export type TlsOfUpstreams = readonly (readonly [files: string, material: UpstreamMaterial])[];

/** The contents of the files that one upstream names. */
export interface UpstreamMaterial {
  /** A hash of all the rest but the key, which its certificate stands for. */
  readonly id: string;
  /** Trusted certificates as PEM text; null: Node's own list. */
  readonly ca: string | null;
  /** Revocation lists as PEM text; null: none. */
  readonly crl: string | null;
  /** The certificate with those after it, and the decrypted key, as PEM texts; null: endpoints are shown none. */
  readonly certificate: { readonly chain: string; readonly key: string } | null;
}

/** How connections to the https endpoints of an upstream are secured. */
export interface UpstreamTls extends Omit<UpstreamMaterial, "id"> {
  /** Equal where all the rest is equal, in every thread. It holds no secret. */
  readonly id: string;
  readonly verify: boolean;
  /** Name sent in SNI and expected in the certificate; null: the host of the endpoint's URL. */
  readonly serverName: string | null;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Names of which the certificate must carry one, in place of that name. Empty: there are none. */
  readonly pinnedNames: readonly string[];
  /** The SHA-256 of public keys of which the certificate must carry one, in Base64. Empty: it may carry any. */
  readonly pinnedKeys: readonly string[];
}

/** A TLS session that a next connection to the endpoint may resume. */
export interface TlsSession {
  /** As OpenSSL writes it. Whoever has it can read the connections that resume it. */
  readonly data: Uint8Array;
  /** When the endpoint's certificate ends, in epoch milliseconds: a resumed session shows none. */
  readonly usableUntilMs: number;
}

/** A session that one thread has got, and that the others may resume. */
export interface SharedSession {
  /** The endpoint's row in the endpoint table, and its URL: a row may get another endpoint. */
  readonly slot: number;
  readonly url: string;
  /** The `id` of the settings under which the endpoint was verified. */
  readonly tls: string;
  readonly session: TlsSession;
}

/** The files that the settings name, as a text that differs where they do; "": none. */
export function filesOf({ ca_file: ca, crl_file: crl, cert_file: certificate, key_file: key }: UpstreamTlsConfig): string {
  const files = [ca, crl, certificate, key];
  return files.every((file) => file === undefined) ? "" : JSON.stringify(files);
}

const NO_FILES: UpstreamMaterial = { id: "", ca: null, crl: null, certificate: null };

/**
 * Throws if the settings name files that are not among `materials`: without them connections would be verified by other certificates.
 */
export function upstreamTls(config: UpstreamTlsConfig, materials: ReadonlyMap<string, UpstreamMaterial>): UpstreamTls {
  const { verify, server_name: serverName = null, pinned_names: pinnedNames = [], pinned_keys: keys = [] } = config;
  const files = filesOf(config);
  const material = files === "" ? NO_FILES : materials.get(files);
  if (material === undefined) throw new Error("the files of TLS towards endpoints were not read");
  const minVersion = config.min_version === "1.3" ? "TLSv1.3" : "TLSv1.2";
  const pinnedKeys = keys.map((pin) => pin.slice("sha256/".length));
  const id = JSON.stringify([verify, serverName, minVersion, pinnedNames, pinnedKeys, material.id]);
  return { ...material, id, verify, serverName, minVersion, pinnedNames, pinnedKeys };
}

/** What of the settings decides whether endpoints must prove who they are. */
export interface Verification {
  readonly verify: boolean;
  readonly pinned_keys?: readonly string[] | undefined;
}

/** Whether anybody on the way could stand in for an endpoint. */
export function isUnverified({ verify, pinned_keys: pins }: Verification): boolean {
  return !verify && pins === undefined;
}

/** What stands for files that nobody has read, where no TLS connection is made. Nothing is trusted with it. */
export function unreadFiles(upstreams: Readonly<Record<string, { readonly tls: UpstreamTlsConfig }>>): TlsOfUpstreams {
  const unread = { id: "unread", ca: "unread", crl: null, certificate: null };
  return [...new Set(Object.values(upstreams).map(({ tls }) => filesOf(tls)))]
    .filter((files) => files !== "")
    .map((files) => [files, unread]);
}

/** The same for the settings of one upstream. */
export function unreadTls(tls: UpstreamTlsConfig): UpstreamTls {
  return upstreamTls(tls, new Map(unreadFiles({ app: { tls } })));
}
