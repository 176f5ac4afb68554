/**
 * Decides who may use the admin address (admin.ts asks, before it answers).
 *
 * The admin address usually listens on loopback, and any page in a browser on the same machine can send requests to loopback. Three
 * checks keep such pages and strangers out:
 *
 * - **Host.** A page whose DNS name was changed to 127.0.0.1 (DNS rebinding) counts as same-origin for the browser, but its name is
 *   in `Host`. Only IP addresses, `localhost` and the names in `admin.hosts` are admitted.
 * - **Origin.** `Origin` must be the admin address itself, and `Sec-Fetch-Site` must not name another site or another port.
 * - **Token.** Needed when `admin.token` is set and other machines can reach the address.
 */
import { Buffer } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";
import { parseIpAddress } from "../../base/cidr.ts";
import { hostOf, isAuthority } from "../../http/authority.ts";
import { readCredentials } from "../../policy/authentication/credentials.ts";

export interface AdminAccess {
  /** Required when the address is reachable beyond loopback. Undefined: nobody needs a token. */
  readonly token: string | undefined;
  /** Names admitted in `Host`, in addition to IP addresses and `localhost`. */
  readonly hosts: readonly string[];
}

/** Gives all values of a request field. The name is in lower case. */
export type FieldValues = (name: string) => readonly string[];

export interface Refusal {
  readonly status: 400 | 401 | 403;
  readonly detail: string;
  /** The value of `WWW-Authenticate`; only with status 401. */
  readonly challenge?: string;
}

/**
 * Refuses a request that a page of another origin may have sent. Null: the request is admitted.
 * @param scheme in which the admin address is spoken to
 */
export function refusedSender(values: FieldValues, hosts: readonly string[], scheme: "http" | "https"): Refusal | null {
  const [host, ...more] = values("host");
  // Only HTTP/1.0 requests come without Host: Node refuses later versions without it (RFC 9112 section 3.2).
  if (host === undefined) return { status: 403, detail: "Host is missing" };
  if (more.length > 0 || !isAuthority(host)) return { status: 400, detail: "Host must be one valid host, with or without port" };
  if (!isAdmitted(hostOf(host), hosts))
    return { status: 403, detail: "this Host is not admitted: ask by IP address or localhost, or list the name in admin.hosts" };
  if (values("origin").some((origin) => origin !== ownOrigin(host, scheme))) return FOREIGN;
  // `none` means that a person typed the address. Unknown values are ignored, as Fetch Metadata section 2.4 asks.
  if (values("sec-fetch-site").some((site) => /cross-site|same-site/i.test(site))) return FOREIGN;
  return null;
}

/** For whoever has shown no certificate where one is needed. */
export const NO_CERTIFICATE: Refusal = { status: 403, detail: "a client certificate is required" };

/** Refuses a request without the right token. Null: the token is right. */
export function refusedToken(values: FieldValues, token: string): Refusal | null {
  const credentials = readCredentials({ values: (name) => [...values(name)] });
  if (credentials === null) return { status: 400, detail: "Authorization and X-API-Key may each be given once" };
  if (credentials.tokens.length === 0) return { status: 401, detail: "a token is required", challenge: CHALLENGE };
  const wanted = digest(token, "utf8");
  let allValid = true;
  // A client sends the token as UTF-8. Node reads fields as latin1, so the given token becomes bytes as latin1, the wanted one as UTF-8.
  for (const given of credentials.tokens) if (!timingSafeEqual(digest(given, "latin1"), wanted)) allValid = false;
  return allValid ? null : { status: 401, detail: "the token is not valid", challenge: `${CHALLENGE}, error="invalid_token"` };
}

const CHALLENGE = 'Bearer realm="millrace admin"';
const FOREIGN: Refusal = { status: 403, detail: "pages of other origins may not ask here" };

function isAdmitted(host: string, names: readonly string[]): boolean {
  if (host === "localhost" || names.includes(host)) return true;
  return parseIpAddress(host.startsWith("[") ? host.slice(1, -1) : host) !== null;
}

/** The origin of the admin address as a browser writes it: lower case, no default port. */
function ownOrigin(host: string, scheme: "http" | "https"): string | null {
  return URL.parse(`${scheme}://${host}`)?.origin ?? null;
}

/** Tokens are compared by digest: digests have equal lengths, and the place where two differ says nothing about the tokens. */
function digest(token: string, encoding: "utf8" | "latin1"): Buffer {
  return hash("sha256", Buffer.from(token, encoding), "buffer");
}
