/**
 * Who may ask the admin address. It stands on loopback by habit, and a browser on the same machine reaches loopback for every page that
 * it shows. Three questions keep such pages out:
 *
 * - **Which name brought the request here?** A page whose own DNS name was turned to 127.0.0.1 (DNS rebinding) is "of the same origin"
 *   for the browser, but its name stands in `Host`. Only IP addresses, `localhost` and the names of `admin.hosts` are admitted.
 * - **Which page sent it?** `Origin` must be the address's own, and `Sec-Fetch-Site` must not say that another site or another port sent it.
 * - **Does it bring the token?** Asked for once `admin.token` is set and other machines can reach the address.
 */
import { Buffer } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";
import { parseIpAddress } from "../base/cidr.ts";
import { hostOf, isAuthority } from "../http/authority.ts";
import { readCredentials } from "../policy/access/credentials.ts";

export interface AdminAccess {
  /** Asked for beyond loopback; undefined: nobody needs one. */
  readonly token: string | undefined;
  /** Names that may stand in `Host` beside IP addresses and `localhost`. */
  readonly hosts: readonly string[];
}

/** All values of a field, by its name in lower case. */
export type FieldValues = (name: string) => readonly string[];

export interface Refusal {
  readonly status: 400 | 401 | 403;
  readonly detail: string;
  /** For `WWW-Authenticate`. */
  readonly challenge?: string;
}

/** Whether a page of another origin may be behind the request; null: none is. */
export function refusedSender(values: FieldValues, hosts: readonly string[]): Refusal | null {
  const [host, ...more] = values("host");
  // HTTP/1.0 knows requests without Host; Node has refused others (RFC 9112 section 3.2).
  if (host === undefined) return { status: 403, detail: "Host is missing" };
  if (more.length > 0 || !isAuthority(host)) return { status: 400, detail: "Host must be one valid host, with or without port" };
  if (!isAdmitted(hostOf(host), hosts))
    return { status: 403, detail: "this Host is not admitted: ask by IP address or localhost, or list the name in admin.hosts" };
  if (values("origin").some((origin) => origin !== ownOrigin(host))) return FOREIGN;
  // Unknown values count for nothing (Fetch Metadata, section 2.4); `none` is a person who typed the address.
  if (values("sec-fetch-site").some((site) => /cross-site|same-site/i.test(site))) return FOREIGN;
  return null;
}

/** Whether the request lacks the token; null: it brings it. */
export function refusedToken(values: FieldValues, token: string): Refusal | null {
  const credentials = readCredentials({ values: (name) => [...values(name)] });
  if (credentials === null) return { status: 400, detail: "Authorization and X-API-Key may each be given once" };
  if (credentials.tokens.length === 0) return { status: 401, detail: "a token is required", challenge: CHALLENGE };
  const wanted = digest(token, "utf8");
  let allValid = true;
  // Node gives fields as latin1 text; the configuration is Unicode, and its UTF-8 bytes are what a client sends.
  for (const given of credentials.tokens) if (!timingSafeEqual(digest(given, "latin1"), wanted)) allValid = false;
  return allValid ? null : { status: 401, detail: "the token is not valid", challenge: `${CHALLENGE}, error="invalid_token"` };
}

const CHALLENGE = 'Bearer realm="millrace admin"';
const FOREIGN: Refusal = { status: 403, detail: "pages of other origins may not ask here" };

function isAdmitted(host: string, names: readonly string[]): boolean {
  if (host === "localhost" || names.includes(host)) return true;
  return parseIpAddress(host.startsWith("[") ? host.slice(1, -1) : host) !== null;
}

/** As a browser writes it: in lower case, without the scheme's own port. The address speaks plain HTTP only. */
function ownOrigin(host: string): string | null {
  return URL.parse(`http://${host}`)?.origin ?? null;
}

/** Digests are compared because they have one length, and because what differs in them says nothing about the tokens. */
function digest(token: string, encoding: "utf8" | "latin1"): Buffer {
  return hash("sha256", Buffer.from(token, encoding), "buffer");
}
